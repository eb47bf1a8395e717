// Package ejbca is a front of the ordering platform that answers as the part of EJBCA's REST API
// that hospitals' tooling uses: enrolment by PKCS#10 and as a key store, revocation, revocation
// status, the list of authorities and their chains.
//
// Make it with [New]; it serves /ejbca/ejbca-rest-api/. Paths, fields, statuses and errors are
// those of the public API of EJBCA Community (OpenAPI document and sources of 9.x). No client of
// its maker was run: golden requests, written from that documentation, are replayed by the tests.
//
// The profiles that a request names are usages of the ordering platform, see profiles.yaml. The lab
// has no end entities: an order is placed and withdrawn in one step ([orders.Desk.Enrol]), and the
// user name of a key store says what is ordered.
package ejbca
