// Package ocsp answers OCSP requests (RFC 6960, RFC 5019, nonces of RFC 9654) for every authority
// of a lab.
//
// A [Responder] takes the DER of an OCSPRequest and returns that of an OCSPResponse; [Handler]
// carries both over HTTP.
//
// Each authority has a delegated responder (RFC 6960 §2.6): a key in memory and a certificate of a
// week, which is renewed when half of the week is over. A request goes these steps:
//
//   - The codec parses it. What it cannot read is malformedRequest; a critical extension that it
//     does not know is unauthorized.
//   - A request about one certificate, without a nonce, is looked up in the response cache.
//   - Otherwise the status is read from the lab's records, and the delegate signs an answer. As
//     many signatures are made at once as there are processors; a client beyond the longest queue
//     gets tryLater.
//
// No cached answer outlives the status that it reports: the owner of the lab calls
// [Responder.StatusChanged] once a change is durable and before the change is acknowledged.
package ocsp
