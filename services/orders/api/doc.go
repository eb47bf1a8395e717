// Package api is the JSON API of the ordering platform, for programs: a certificate or a card is
// asked for, withdrawn, followed and revoked by the same rules as on its pages.
//
// [New] makes its handler; openapi.yaml describes it, is served by it, and is held to it by a test.
// An answer that is an error is a problem (RFC 9457) with a stable code and its text in both
// languages. Requests are strict: a field that is not known is refused, so that a misspelt one, or
// one that is not the caller's to set, is not passed over.
package api
