// Package browsers visits TestSSL with Chromium and Firefox, with imported cards and with virtual
// ones. It holds tests only.
package browsers
