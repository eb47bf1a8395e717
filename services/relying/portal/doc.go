// Package portal is the lab's demo portal: a small service that people log in to with Pro Santé
// Connect, and that shows what it received and how it asked for it.
//
// It is written as any other service would be: it knows the provider by its discovery document, and
// imports none of its code. client.go holds all of OpenID Connect that it has, with go-oidc and
// oauth2; the page shows those functions, as they are, beside the requests that they sent.
//
//	/                   the two ways to log in
//	/connexion          sends the browser to Pro Santé Connect
//	/retour             takes the code: the redirect URI
//	/session            what was received, each field with what it means
//	/deconnexion        ends the session here and at Pro Santé Connect
//	/deconnexion-psc    takes logout tokens (OpenID Connect Back-Channel Logout)
//	/carte              login by card without Pro Santé Connect
//
// Sessions are in memory, bounded in number and time. The state, the nonce and the PKCE verifier of
// a login are in an encrypted cookie: a login that is abandoned leaves nothing behind.
//
// A page that asks for a certificate has another host name, fresh each time, on the same port, see
// [web.FreshName]: so that the other pages ask for none, and a browser asks for the card anew.
package portal
