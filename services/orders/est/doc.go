// Package est is a front of the ordering platform that speaks EST, Enrollment over Secure Transport
// (RFC 7030, clarified by RFC 8951), for devices and for programs that know no other way.
//
// Make it with [New]; it serves /.well-known/est/. Of the protocol it has cacerts, simpleenroll,
// simplereenroll and csrattrs. A label in the path is a usage of the ordering platform
// (/.well-known/est/SSL_SERV/simpleenroll); without one, a request that has a host name is for
// SSL_SERV, any other for AUTH_CLI.
//
// Who comes is found as for the other ways in (package access): by the certificate of the
// connection, or by a token, which may be the password of HTTP Basic, since EST clients send no
// other. An order is placed and withdrawn in one step ([orders.Desk.Enrol]), or renewed by the
// certificate of the connection ([orders.Desk.Reenrol]).
//
// That the IGC-Santé had EST is not known: all of it is modelled.
package est
