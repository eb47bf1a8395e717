// Package revocation keeps what a lab publishes about revocation up to date: it issues CRLs and
// renews OCSP responders when they are due, publishes both over HTTP, and reports on their health.
// Each protocol has a package: crl, ocsp, ldap and publication.
//
// # Schedules
//
// [RunCRLs] issues a CRL when its date has come, by igc.yaml, and half a second after a change of
// status, so that changes made together share one CRL. [RunResponder] renews the certificate of an
// authority's OCSP responder at half of its week. Both learn of changes from the lab's change feed.
// [NewResponder] drops a kept answer before whoever changed the status is told that it is changed.
//
// # Publication and health
//
// Package publication is the publication point that certificates name: certificates of authorities,
// CRLs, OCSP below /ocsp. [Publication] adds /healthz, what is wrong and since when, and /metrics.
// A CRL that ends unrenewed, a responder without a certificate, an authority near its end and
// damaged records are among the problems; the level is a warning first, and failing when clients
// notice.
package revocation
