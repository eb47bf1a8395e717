// Package people is whom the lab's cards and certificates are about, as the services of the sector
// know them: identity, professions, activities with their structures, contact data. Pro Santé
// Connect, e-CPS and the Annuaire read it.
//
// A [Directory] finds a [Person] by identifier. What it says of a person comes from, the later
// wins:
//
//  1. the [Population] that igc people generate makes;
//  2. the holder of what the lab issued, with activities and contact data made up from it, always
//     the same (they are [Modelled]); of somebody of the population, the name only;
//  3. the built-in identities, identities.yaml: one for each case that a service has to handle;
//  4. people.yaml in the lab's home, written by hand;
//  5. what igc people set wrote, a document of kind [Kind].
//
// [RefPro], [Exercice] and [Activity] are written in JSON as Pro Santé Connect writes its claim
// SubjectRefPro, and [Person.UserInfo] is all that it says of a person.
package people
