// Package rpc carries the calls of [ca.Service] from commands to the server that holds the lab:
// JSON over HTTP over igc.sock in the lab's home, which only its owner reaches (the home is 0700,
// the socket 0600). As with an agent for keys, whoever reaches it may have things signed: the
// server has the passphrase. One that the caller gives all the same must be the right one.
//
// [Serve] is the server's side, [Client] the caller's.
package rpc
