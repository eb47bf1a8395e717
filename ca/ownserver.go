package ca

import "github.com/igc-lab/igc/profiles"

// ServerHolder is the holder of the certificates of the lab's own servers, but for the names of the
// server: an establishment that no register has.
var ServerHolder = profiles.Holder{Department: "Paris (75)", Organisation: "LABORATOIRE DE TEST",
	Structure: "10B0000000"}

// OfServer tells a certificate of the lab's own servers, which nobody ordered. They are made anew
// each time that a server starts.
func OfServer(r *Record) bool {
	return r.Profile == "ssl-serv/server" && r.Holder.Organisation == ServerHolder.Organisation &&
		r.Holder.Structure == ServerHolder.Structure
}
