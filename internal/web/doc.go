// Package web is what a web server of the lab is built from, whatever its service.
//
//   - [ClientTLS] is a listener that asks for a card: any certificate is accepted in the handshake
//     and checked afterwards (by package verify), session tickets are off, and a person has ten
//     minutes for the choice of a card and its PIN. [NewServer] is the HTTP server to run on it.
//   - [Certificate] is the server's own certificate: issued by the lab, renewed, and presented with
//     a stapled OCSP answer.
//   - [Pages] are a service's templates within the layout that all share, in French and English,
//     with a content policy that allows the layout's style and the service's script and nothing
//     else. Templates write with a [View].
//   - [SecurityHeaders], [NoStore], [IsLoopback] and [SameOrigin] protect answers and private keys
//     from pages of other sites.
//   - [Detach] gives the work for a request a context that a client does not end by closing its
//     sending half.
//
// It imports no service.
package web
