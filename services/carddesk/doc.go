// Package carddesk is the desk of the cards: it writes the letter that brings a card's codes, takes
// the declaration of a card that was lost, stolen or damaged, and orders the card that replaces it
// or follows it before its end.
//
//   - [Desk.Letter] is the letter of a card: PIN and unblocking code, posted apart from the card.
//     [Letter.HTML] and [Letter.PDF] are for print.
//   - [Desk.Declare] revokes the certificates of a card for good, when the caller knows the
//     unblocking code, or when an administrator says why it is not asked.
//   - [Desk.Replace] orders another card for the same holder, with codes of its own. A card has one
//     successor: whatever is interrupted is finished by the next call.
//   - [Desk.RenewDue] does that for each card that ends within three months.
//
// The codes are in the letter and in the card's folder, and nowhere else: not in a mail, a document
// or a message. Attested are the letter with both codes, posted apart, the unblocking code as what
// the phone service asks for, the three years of a card; the words of letter and mails, the reasons
// of the revocations and the date of a renewal are modelled.
package carddesk
