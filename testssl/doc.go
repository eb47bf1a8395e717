// Package testssl is the page that a card is tried on, the lab's version of the public TESTSSL
// site.
//
// A [Server] has two kinds of ports:
//
//   - TLS ports, one for each [Mode], which ask for a certificate. Whatever a client presents is
//     accepted in the handshake and checked afterwards by package verify, so that a person with a
//     bad card gets a page that explains it, and not a broken connection; the mode [Strict] refuses
//     in the handshake, as production servers do. The page shows the lines of the public screen,
//     every check with its code, what the certificate says, and what an application behind nginx or
//     Apache receives. GET /api/v1/card is the same report as JSON (docs/card.schema.json), /events
//     notifies an open page when the status of its card changes.
//   - the plain port, [Server.Catalogue]: the lab's authorities, cards and fixtures to import, the
//     codes, configurations of other servers to copy, and behind them the publication point.
//
// Private keys are given by the catalogue to the lab's owner only, see [Server.LoadToken].
//
// The listeners, the server's own certificate and the layout are package internal/web's, which
// other services use too; the checks and their codes are package verify's. Here are TestSSL's
// texts, its pages and its addresses.
package testssl
