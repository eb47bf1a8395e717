// Package ecps is the e-CPS of the lab: the card of a professional on a phone, which Pro Santé
// Connect asks to confirm who logs in. It knows nothing of OIDC.
//
// [New] makes a [Service]. Its state machines are those of the public guides:
//
//   - An activation with a card begins on the PC ([Service.BeginWithCard]): pending (a QR code, 90
//     s) -> code-shown (by the phone that scanned it) -> code-confirmed (typed on the PC,
//     [Service.ConfirmCode]) -> active, by a PIN typed twice.
//   - An activation without a card begins on the phone: contacts-masked -> mail-sent (a link, and a
//     QR code of it) -> sms-sent (six digits) -> sms-confirmed -> active, by a PIN typed twice.
//   - An e-CPS is active, then expired, blocked or deleted. A person has one at most: its document
//     has the person as key, and a new activation replaces it.
//   - A request ([Service.Ask]) is sent -> opened (accepted on the phone) -> approved, by the PIN
//     and the right one of three numbers; or refused, expired, blocked.
//
// State is in documents of the store only, so that several servers and the commands serve one
// e-CPS. Each change is a compare-and-swap of all the documents that it touches: of two answers to
// a request, or two scans of a QR code, one is made. Every end is compared with [Options].Now,
// which may be ahead of the store's clock; the store removes documents well after their end.
//
// A device has a P-256 key of its own, made at activation and sealed at rest with the hash of the
// PIN. It signs each approval, and [Service.Get] verifies that: a document that was altered
// approves nothing. A [Policy] approves or refuses for the person, for tests without one.
//
// [Service.Handler] serves the phone: pages that work as forms without a script, and live with one.
//
// The steps, the 90 and 120 seconds, the three numbers and the one device for a person are
// attested by public guides. The protocol between phone and server is not public and is of the
// lab's own design; the other lifetimes, the number of tries, and what follows a wrong number are
// modelled (see [Settings]).
package ecps
