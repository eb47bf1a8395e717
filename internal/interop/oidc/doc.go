// Package oidc has the lab's Pro Santé Connect tried by relying parties that were not written here.
package oidc
