// Package logins logs people in to a served lab through Pro Santé Connect: while the server is
// killed, with cards that are revoked meanwhile, ten thousand times without coming back, and
// against the clock. It holds tests only.
package logins
