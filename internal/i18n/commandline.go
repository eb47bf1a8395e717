package i18n

// Tr is the text in the language of the command line, [FromEnvironment]. It is for packages that
// only commands call: what has readers of both languages makes a [Text].
func Tr(fr, en string) string { return Text{FR: fr, EN: en}.In(FromEnvironment()) }
