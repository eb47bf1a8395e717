// Package psc is the lab's Pro Santé Connect: an OpenID Provider with the paths, claims, lifetimes
// and errors of the real one, on which a service can be tried without an enrolment.
//
// Three servers make it, on ports of one host:
//
//	issuer   /auth/realms/esante-wallet/...   discovery, tokens, userinfo, CIBA, logout
//	wallet   /auth, /login-page               the login pages and the portal
//	card     /carte                           login by card: asks for a client certificate
//
// The issuer also has the realm of a Pro Santé Connected API, /realms/signsessiondata, where an
// access token is exchanged for an API token, and the ANS's conformance API,
// /apipsc/signsessiondata.
//
// The wallet asks for no certificate, so that the e-CPS tab never makes a browser show a choice of
// certificates; the issuer takes one, by which clients authenticate (RFC 8705).
//
// # A login
//
// A relying party sends the browser to /auth. The request is checked ([Provider] authorize), and
// travels through the login pages sealed (AES-GCM) and bound to a cookie: a login that is abandoned
// leaves nothing behind. The person answers on the phone (package ecps) or presents a card (package
// verify). Then one write makes the session and the code, and spends the login. The relying party
// trades the code for tokens; that write spends the code. Claims come from package people.
//
// # State
//
// All state is in documents of the lab (package store), so that a restart logs nobody out and
// several nodes serve one provider: psc.client, psc.key, psc.settings (audited), psc.session,
// psc.code, psc.login, psc.par, psc.ciba, psc.revoked. A code, a refresh token and a login are
// single-use by compare-and-swap. The last requests, with what was wrong with them, are kept in
// memory (Requests).
//
// # What is real
//
// Facts are those of the reference on Pro Santé Connect: real tokens, ANS's own clients, Keycloak's
// source, since the real provider shows Keycloak's paths and texts. What no source shows is a
// toggle of [Settings], with the likeliest default, and is listed as modelled in docs/psc.md.
package psc
