// Package testssl is the page that a card is tried on: TLS endpoints that ask for a certificate and take whatever comes,
// checks made afterwards, each with a stable code, and the page that tells a person what the card is and why it fails.
package testssl
