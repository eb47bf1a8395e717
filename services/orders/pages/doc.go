// Package pages are the pages of the ordering platform: its home with the orders that the visitor
// may follow, Demander, one page for each order with what can be done of it, and orders by file.
//
// They need no script. A page that changes something is a form of its own server with a token that
// is bound to the visitor. Who the visitor is comes from the connection: their card, or the desk's
// owner.
package pages
