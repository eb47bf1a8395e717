package logins

const bareServer = "IGC_BARE"

func serveBare() {}
