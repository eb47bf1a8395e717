// Package orders is the ordering platform: certificates and cards are asked for, withdrawn,
// followed and revoked, by those who hold the role for it.
//
// The steps are those of the real one (reference A): Demander ([Desk.Place]) with a certification
// request or the password of a key to make; a closing mail; Retirer ([Desk.Withdraw]) with a
// revocation code, then [Desk.Download], once; Suivre ([Desk.List], [Desk.Get]); Révoquer
// ([Desk.Revoke]), with the code or by role, for good. Who may do what is the table of package
// access. A card that is ordered is made at once, with its letter.
//
// Protocols that know no such steps have them in one: [Desk.Enrol], and [Desk.Reenrol] by the
// authority of a certificate that is to be renewed. Packages est and ejbca are such fronts.
//
// # What is not lost
//
// An order is a document of the lab, each change of it in the feed with its actor. A withdrawal is
// first written down, with the keys that it makes, sealed; then the certificates are issued under
// the order's name, which happens once; then the order says so. Whoever finds one that was
// interrupted goes on with it. A PKCS#12 is handed out once: the order says that it was, and
// forgets the key, before the first byte is sent. If it never arrived, [Desk.Redraw] revokes the
// certificate and the order can be withdrawn again.
//
// The names of states, the form of the revocation code and how many tries there are are modelled.
package orders
