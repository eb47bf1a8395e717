// Package revocation says which certificates of a lab still hold: it encodes and signs CRLs, answers OCSP requests, and
// publishes both over HTTP with the authorities' certificates. Keys and records are the lab's (package ca).
package revocation
