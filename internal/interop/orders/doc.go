// Package orders has clients that others' generators make of the ordering platform's OpenAPI
// document order, withdraw and revoke at a lab.
package orders
