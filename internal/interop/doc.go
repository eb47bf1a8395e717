// Package interop has third-party programs verify what the lab issues and publishes: openssl,
// gnutls, NSS, Java, nginx. It holds tests only.
package interop
