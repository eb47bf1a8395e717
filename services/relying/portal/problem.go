package portal

import (
	"net/http"

	"github.com/igc-lab/igc/internal/i18n"
)

// problem is why the portal did not do what was asked, as its page says it.
type problem struct {
	Code   string
	status int
	Title  i18n.Text
	Text   i18n.Text
	Seen   string
	cause  error
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.Code + ": " + p.cause.Error()
	}
	return p.Code
}

func (p *problem) Unwrap() error { return p.cause }

// seen is the problem with the value that was wrong.
func (p *problem) seen(value string) *problem {
	c := *p
	c.Seen = cut(value)
	return &c
}

// because is the problem with the error that it comes of.
func (p *problem) because(err error) *problem {
	c := *p
	c.cause, c.Seen = err, err.Error()
	if len(c.Seen) > 400 {
		c.Seen = c.Seen[:400] + "…"
	}
	return &c
}

var (
	problemNoLogin = &problem{Code: "PORTAL-NO-LOGIN", status: http.StatusBadRequest,
		Title: i18n.Text{FR: "Aucune connexion n'est en cours dans ce navigateur",
			EN: "No login is under way in this browser"},
		Text: i18n.Text{FR: "La réponse est arrivée dans un autre navigateur, trop tard, deux fois, ou après un " +
			"redémarrage du portail. Recommencez la connexion.",
			EN: "The answer came to another browser, too late, twice, or after the portal was started again. Log in " +
				"again."}}
	problemState = &problem{Code: "PORTAL-STATE", status: http.StatusBadRequest,
		Title: i18n.Text{FR: "Cette réponse est celle d'une autre connexion", EN: "This answer is of another login"},
		Text: i18n.Text{FR: "Le paramètre state n'est pas celui que le portail a donné à ce navigateur : quelqu'un " +
			"d'autre a pu commencer cette connexion (CSRF), ou une autre page du portail l'a recommencée.",
			EN: "The parameter state is not the one that the portal gave this browser: somebody else may have begun " +
				"this login (CSRF), or another page of the portal began it anew."}}
	problemNonce = &problem{Code: "PORTAL-NONCE", status: http.StatusBadRequest,
		Title: i18n.Text{FR: "Le jeton d'identité est celui d'une autre connexion",
			EN: "The ID token is of another login"},
		Text: i18n.Text{FR: "Son nonce n'est pas celui que le portail a tiré : un code volé a pu être glissé dans " +
			"cette connexion.",
			EN: "Its nonce is not the one that the portal drew: a stolen code may have been put into this login."}}
	problemIssuer = &problem{Code: "PORTAL-ISSUER", status: http.StatusBadRequest,
		Title: i18n.Text{FR: "La réponse vient d'un autre fournisseur", EN: "The answer comes from another provider"},
		Text: i18n.Text{FR: "Le paramètre iss n'est pas l'émetteur que le portail connaît (RFC 9207).",
			EN: "The parameter iss is not the issuer that the portal knows (RFC 9207)."}}
	problemNoCode = &problem{Code: "PORTAL-NO-CODE", status: http.StatusBadRequest,
		Title: i18n.Text{FR: "La réponse n'a ni code ni erreur", EN: "The answer has neither a code nor an error"},
		Text:  i18n.Text{FR: "Recommencez la connexion.", EN: "Log in again."}}
	problemTwice = &problem{Code: "PORTAL-PARAMETER", status: http.StatusBadRequest,
		Title: i18n.Text{FR: "Un paramètre est donné deux fois", EN: "A parameter is given twice"},
		Text: i18n.Text{FR: "Chaque paramètre d'une réponse vient une fois (RFC 6749 §3.1).",
			EN: "Each parameter of an answer comes once (RFC 6749 §3.1)."}}
	problemCode = &problem{Code: "PORTAL-CODE", status: http.StatusBadRequest,
		Title: i18n.Text{FR: "Pro Santé Connect n'a pas accepté le code",
			EN: "Pro Santé Connect did not accept the code"},
		Text: i18n.Text{FR: "Le code a servi, a expiré (60 secondes), ou n'est pas de cette connexion. igc psc " +
			"requests dit lequel.",
			EN: "The code was used, has expired (60 seconds), or is not of this login. igc psc requests says which."}}
	problemProvider = &problem{Code: "PORTAL-PROVIDER", status: http.StatusBadGateway,
		Title: i18n.Text{FR: "Pro Santé Connect n'a pas répondu comme il faut",
			EN: "Pro Santé Connect did not answer as it should"},
		Text: i18n.Text{FR: "Une panne jouée (igc psc set montre lesquelles), une horloge avancée, ou un réglage : " +
			"igc psc requests dit plus.",
			EN: "A fault that is played (igc psc set shows them), a clock moved forward, or a setting: igc psc " +
				"requests says more."}}
	problemRefresh = &problem{Code: "PORTAL-REFRESH", status: http.StatusBadRequest,
		Title: i18n.Text{FR: "Pro Santé Connect ne rafraîchit plus ces jetons",
			EN: "Pro Santé Connect refreshes these tokens no more"},
		Text: i18n.Text{FR: "La session y est fermée, ou trop ancienne : il faut se connecter de nouveau.",
			EN: "The session there is closed, or too old: log in again."}}
	problemForm = &problem{Code: "PORTAL-FORM", status: http.StatusForbidden,
		Title: i18n.Text{FR: "Ce formulaire vient d'une autre page", EN: "This form comes from another page"},
		Text: i18n.Text{FR: "Un formulaire d'un autre site, ou d'une session terminée, est refusé.",
			EN: "A form of another site, or of a session that has ended, is refused."}}
	problemNotFound = &problem{Code: "PORTAL-NOT-FOUND", status: http.StatusNotFound,
		Title: i18n.Text{FR: "Il n'y a pas de page à cette adresse", EN: "There is no page at this address"}}
	problemInternal = &problem{Code: "PORTAL-INTERNAL", status: http.StatusInternalServerError,
		Title: i18n.Text{FR: "Le portail n'a pas pu répondre", EN: "The portal could not answer"},
		Text:  i18n.Text{FR: "Le journal d'igc serve dit pourquoi.", EN: "The log of igc serve says why."}}
	problemAway = &problem{Code: "PORTAL-AWAY", status: http.StatusServiceUnavailable,
		Title: i18n.Text{FR: "Le labo est indisponible", EN: "The lab is unavailable"},
		Text: i18n.Text{FR: "Sa base de données ne répond pas : réessayez dans quelques secondes.",
			EN: "Its database does not answer: try again in a few seconds."}}
	problemNotACard = &problem{Code: "PORTAL-NOT-A-CARD", status: http.StatusForbidden,
		Title: i18n.Text{FR: "Ce certificat n'est pas celui d'une personne qui se connecte",
			EN: "This certificate is not one by which a person logs in"},
		Text: i18n.Text{FR: "Il est bon, mais il faut le certificat d'authentification d'une carte (CPS, CPF, CPE, " +
			"CPA) : un service qui oublie de le vérifier accepte un serveur comme une personne.",
			EN: "It is good, but the authentication certificate of a card (CPS, CPF, CPE, CPA) is needed: a service " +
				"that forgets to check it takes a server for a person."}}
)

// refusal is what Pro Santé Connect answered instead of a code.
func refusal(code, description string) *problem {
	p := &problem{Code: "PORTAL-REFUSED", status: http.StatusForbidden,
		Title: i18n.Text{FR: "La connexion n'a pas abouti", EN: "The login did not succeed"},
		Text: i18n.Text{FR: "Pro Santé Connect a répondu par une erreur ; la personne peut recommencer.",
			EN: "Pro Santé Connect answered with an error; the person may try again."}}
	if code == "access_denied" {
		p.Text = i18n.Text{FR: "La personne a refusé, ou quitté la page de connexion.",
			EN: "The person refused, or left the login page."}
	}
	if description != "" {
		code += ": " + description
	}
	return p.seen(code)
}
