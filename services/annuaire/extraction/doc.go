// Package extraction serves the public extractions of the Annuaire Santé: ZIP files of texts, made
// of a lab's people, structures and cards while they are sent.
//
// [New] makes the handler of the three addresses under [Path]. What a file has is a table of
// columns: a name, and the function that gives a row's value. Names and order are those of the real
// files, as public programs that read them have them (the tests hold the lists of three such
// programs for each file). What no program attests is modelled, and docs/extractions.md says so:
// the hour in the names, the ends of lines, the dates of Porteurs_CPS_CPF.
//
// Nothing is kept: a million people take the memory that a thousand take, and a card that was
// revoked a moment ago has its date of opposition.
package extraction
