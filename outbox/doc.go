// Package outbox keeps the mails and text messages that the lab would have sent, and sends none: an
// activation of an e-CPS writes here, and whoever tries it reads here.
//
// A service sends by [Outbox.Mail] and [Outbox.SMS], or by [Outbox.Send]. Messages are read on the
// pages of [Outbox.Handler], by igc outbox, or as the .eml file that [Message.EML] makes. They are
// documents of kind [Kind]: they expire, and the oldest go when there are too many.
//
// With [Options.SMTP] mails are also given to an SMTP server on this machine, such as a mail
// catcher. What it answers is written on the message. It keeps no sender waiting.
package outbox
