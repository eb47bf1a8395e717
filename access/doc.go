// Package access says who comes to the lab's services, and what they may do there.
//
// A [Caller] is who makes a request, as far as it was proved: the owner of the machine (the socket,
// the desk on loopback), the holder of a card, an organisation by its certificate, a program by a
// token. [Caller.May] answers whether they may do something in a structure: it reads the one table
// of this package, which has a row for each [Action] and what each [Role] and each [Way] may of it.
// What the table does not allow is refused.
//
// [Registry] keeps who holds which role, and the tokens. [Gate] finds the caller of a request, and
// refuses it with a stable code when there is none.
//
// The roles are those of the sector: représentant légal, mandataire, administrateur technique, each
// held in a structure, and titulaire, which everyone is of what is their own. Which role may do
// what is modelled after the arrêté of 4 April 2022 and the ordering platform's guides (reference
// A).
package access
