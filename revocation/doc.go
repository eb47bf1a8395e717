// Package revocation keeps what a lab publishes about revocation up to date: it issues CRLs and
// renews OCSP responders when they are due, publishes both over HTTP, and reports on their health.
// Each protocol has a package: crl, ocsp and ldap.
//
// The one place where the lab's changes of status reach CRLs and OCSP is schedule.go: [NewCRLs] and
// [NewResponder] connect them, [RunCRLs] and [RunResponder] act when something is due.
package revocation
