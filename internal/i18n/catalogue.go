package i18n

// french is the catalogue of messages that [Errorf] prints: English formats and their French. Verbs
// have the same order in both, unless they are numbered.
var french = map[string]string{
	"order %s has no certificate %q yet":               "la demande %s n'a pas encore de certificat %q",
	"order %s cannot be read: %w":                      "la demande %s est illisible : %w",
	"the key of order %s cannot be read: %w":           "la clé de la demande %s est illisible : %w",
	"the request %s was carried out already":           "la demande %s a déjà été exécutée",
	"what the request %s was given cannot be read: %w": "ce que la demande %s a reçu est illisible : %w",
	"there is a key named %s already: igc annuaire key remove %s first": "" +
		"une clé s'appelle déjà %s : igc annuaire key remove %s d'abord",
	"%q is not a name for a key: letters, digits, dots, hyphens and underscores, at most 100": "" +
		"%q n'est pas un nom de clé : lettres, chiffres, points, tirets et soulignés, 100 au plus",
	"no key is named %q: igc annuaire key list shows them": "" +
		"aucune clé ne s'appelle %q : igc annuaire key list les montre",
	"unknown setting %q: igc annuaire set lists them": "" +
		"réglage inconnu %q : igc annuaire set les liste",
	// the card desk
	"card %s was not issued with that PIN: its letter says the one that it was issued with, not one that " +
		"was chosen since": "" +
		"la carte %s n'a pas été émise avec ce code porteur : son courrier porte celui de l'émission, " +
		"non un code choisi depuis",
	"the PIN that card %s was issued with is written nowhere: give it with --pin": "" +
		"le code porteur avec lequel la carte %s a été émise n'est écrit nulle part : donnez-le par " +
		"--pin",
	"%s does not hold the codes of card %s: remove it": "" +
		"%s ne contient pas les codes de la carte %s : supprimez-le",
	"%q holds %q (U+%04X), which the fonts of a PDF lack: write the letter as a page with --html and " +
		"print that": "" +
		"%q contient %q (U+%04X), que les polices d'un PDF n'ont pas : écrivez le courrier comme page " +
		"par --html et imprimez-la",
	"%q is not what can be declared of a card: lost, stolen or damaged": "" +
		"%q ne se déclare pas d'une carte : lost, stolen ou damaged",
	"card %s is valid from %s: nobody can have lost it on %s": "" +
		"la carte %s est valable à partir du %s : personne n'a pu la perdre le %s",
	"the reason is longer than %d bytes": "" +
		"le motif dépasse %d octets",
	"the unblocking code is given, and why it is not: give one of them": "" +
		"le code de déblocage est donné, et pourquoi il ne l'est pas : donnez l'un des deux",
	"card %s has been revoked since %s (%s): igc card renew %s orders another": "" +
		"la carte %s est en opposition depuis le %s (%s) : igc card renew %s en commande une autre",
	"the folder of card %s is not here, so its unblocking code cannot be checked: an administrator " +
		"declares it with --without-code REASON": "" +
		"le dossier de la carte %s n'est pas ici, et son code de déblocage ne peut être vérifié : un " +
		"administrateur la déclare par --without-code MOTIF",
	"the declaration of card %s cannot be read: %w": "" +
		"la déclaration de la carte %s est illisible : %w",
	"card %s is in opposition, but its declaration could not be recorded: %w": "" +
		"la carte %s est en opposition, mais sa déclaration n'a pu être enregistrée : %w",
	"%s is not a card: igc renew issues software certificates again": "" +
		"%s n'est pas une carte : igc renew renouvelle les certificats logiciels",
	"the keys of card %s are the holder's own: igc renew %s --csr FILE issues it again": "" +
		"les clés de la carte %s sont celles du porteur : igc renew %s --csr FICHIER la renouvelle",
	"another process is making the card that replaces %s: wait for it, or try again in ten minutes": "" +
		"un autre processus fait la carte qui remplace %s : attendez-le, ou réessayez dans dix minutes",
	"the order of the card that replaces %s cannot be read: %w": "" +
		"la commande de la carte qui remplace %s est illisible : %w",
	"card %s: %w": "" +
		"carte %s : %w",
	"%w. Ports that are free, a line each below listen in igc.yaml: %s": "" +
		"%w. Des ports libres, une ligne pour chacun sous listen dans igc.yaml : %s",

	// roles and tokens
	"everyone is titulaire of what is their own: it is not given. Choose one of %s": "" +
		"chacun est titulaire de ce qui est à lui : cela ne se donne pas. Choisissez parmi %s",
	"unknown role %q: did you mean %s?": "" +
		"rôle inconnu %q : vouliez-vous dire %s ?",
	"unknown role %q: choose one of %s": "" +
		"rôle inconnu %q : choisissez parmi %s",
	"%s is a certificate of an organisation: it can be %s and nothing else; the other roles are of people, by their card": "" +
		"%s est un certificat d'organisation : il peut être %s et rien d'autre ; les autres rôles sont à des personnes, par leur carte",
	"%s is not %s: igc role list shows the roles": "" +
		"%s n'est pas %s : igc role list montre les rôles",
	"%s is not %s of %s: igc role list shows the roles": "" +
		"%s n'est pas %s de %s : igc role list montre les rôles",
	"the roles of %s were changed meanwhile: look at igc role list and try again": "" +
		"les rôles de %s ont changé entre-temps : voyez igc role list et recommencez",
	"%s is of the whole lab: leave the structure %s out": "" +
		"%s l'est de tout le labo : ôtez la structure %s",
	"in which structure is %s %s? Their certificate names none: give a Struct_IdNat such as 10B0057881": "" +
		"dans quelle structure %s est-il %s ? Son certificat n'en nomme pas : donnez un Struct_IdNat tel que 10B0057881",
	"%q is not a Struct_IdNat: write its type (0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, 4 cabinet RPPS) and its number, such as 10B0057881": "" +
		"%q n'est pas un Struct_IdNat : écrivez son type (0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, 4 cabinet RPPS) et son numéro, tel que 10B0057881",
	"%q may be %s: write its type digit before it": "" +
		"%q peut être %s : écrivez le chiffre de son type devant",
	"whom? give an identifier such as 899700209812, the number of a card, or for a certificate 10B0039129/dossier-patient": "" +
		"qui ? donnez un identifiant tel que 899700209812, le numéro d'une carte ou, pour un certificat, 10B0039129/dossier-patient",
	"%q is neither a person's nor an AUTH_CLI certificate: roles are held by cards and by AUTH_CLI certificates": "" +
		"%q n'est le certificat ni d'une personne ni d'une organisation (AUTH_CLI) : ce sont les cartes et les certificats AUTH_CLI qui ont des rôles",
	"%q may be %s: give the identifier": "" +
		"%q peut être %s : donnez l'identifiant",
	"there is a token named %s already: igc token remove %s first": "" +
		"un jeton s'appelle déjà %s : igc token remove %s d'abord",
	"%q is not a name for a token: a small letter, then small letters, digits, dots and hyphens, at most 40": "" +
		"%q n'est pas un nom de jeton : une minuscule, puis des minuscules, chiffres, points et tirets, 40 au plus",
	"what is the token %s for? Give it scopes among %s": "" +
		"à quoi sert le jeton %s ? Donnez-lui des portées parmi %s",
	"as whom does the token %s act? Give it a role, such as %s:10B0057881 or %s": "" +
		"comme qui le jeton %s agit-il ? Donnez-lui un rôle, tel que %s:10B0057881 ou %s",
	"in which structure does the token %s act as %s? Write %s:10B0057881": "" +
		"dans quelle structure le jeton %s agit-il comme %s ? Écrivez %s:10B0057881",
	"the token %s would end on %s, which is over": "" +
		"le jeton %s finirait le %s, qui est passé",
	"the token %s would end on %s: a token lasts %d days at most": "" +
		"le jeton %s finirait le %s : un jeton dure %d jours au plus",
	"unknown scope %q: did you mean %s?": "" +
		"portée inconnue %q : vouliez-vous dire %s ?",
	"unknown scope %q: choose among %s": "" +
		"portée inconnue %q : choisissez parmi %s",
	"no token is named %q: igc token list shows them": "" +
		"aucun jeton ne s'appelle %q : igc token list les montre",
	"exposed: %q is not a name of a machine in DNS, such as lab.example.test": "" +
		"exposed : %q n'est pas le nom d'une machine dans le DNS, tel que lab.example.test",
	"exposed: %q leads each machine to itself: give a name of this one in DNS, such as lab.example.test": "" +
		"exposed : %q mène chaque machine à elle-même : donnez un nom de celle-ci dans le DNS, tel que lab.example.test",
	"exposed: listen %q is not an IP address of this machine: write 0.0.0.0 for all of them, without a port": "" +
		"exposed : listen %q n'est pas une adresse IP de cette machine : écrivez 0.0.0.0 pour toutes, sans port",
	"igc.yaml does not say by which names the lab is served beyond this machine: write exposed: {names: [lab.example.test]} into %s/igc.yaml": "" +
		"igc.yaml ne dit pas sous quels noms le labo est servi au-delà de cette machine : écrivez exposed: {names: [lab.example.test]} dans %s/igc.yaml",
	"igc.yaml serves the lab beyond this machine, as %s: run igc serve --exposed, or take the names out of exposed in %s/igc.yaml": "" +
		"igc.yaml sert le labo au-delà de cette machine, sous %s : lancez igc serve --exposed, ou ôtez les noms de exposed dans %s/igc.yaml",
	// the database
	"the address of the lab's database is wrong: %w": "" +
		"l'adresse de la base du laboratoire est fausse : %w",
	"the lab's database does not answer: %w": "" +
		"la base du laboratoire ne répond pas : %w",
	"the lab's database is not there: make it with createdb, then igc store migrate: %w": "" +
		"la base du laboratoire n'existe pas : créez-la par createdb, puis igc store migrate : %w",
	"the database has no tables of a lab: igc store migrate makes them: %w": "" +
		"la base n'a pas les tables d'un laboratoire : igc store migrate les crée : %w",
	"the lab's database refuses the user or the password of igc.yaml: %w": "" +
		"la base du laboratoire refuse l'utilisateur ou le mot de passe d'igc.yaml : %w",
	"the user of igc.yaml may not do this in the lab's database: %w": "" +
		"l'utilisateur d'igc.yaml n'a pas ce droit dans la base du laboratoire : %w",
	"the lab's database has no space left: %w": "" +
		"la base du laboratoire n'a plus de place : %w",
	"the lab's database is damaged: restore a backup of it, and say what the server's log says: %w": "" +
		"la base du laboratoire est endommagée : restaurez une sauvegarde, et lisez le journal du serveur : %w",
	"the lab's database is damaged (%w): restore a backup of it": "" +
		"la base du laboratoire est endommagée (%w) : restaurez une sauvegarde",
	"the state of the CRLs of %s: %v": "" +
		"l'état des CRL de %s : %v",
	"the lab's database has %d rows in its table lab, want one": "" +
		"la base du laboratoire a %d lignes dans sa table lab, au lieu d'une",
	"the lab's database has a hash of %d bytes as that of the feed's last entry": "" +
		"la base du laboratoire a une empreinte de %d octets pour la dernière entrée du journal",
	"the database %s has no lab yet: igc store migrate makes its tables": "" +
		"la base %s n'a pas encore de laboratoire : igc store migrate crée ses tables",
	"the database %s is of schema %d, and this igc uses %d: igc store migrate brings it there": "" +
		"la base %s a le schéma %d, et cet igc utilise le schéma %d : igc store migrate l'y amène",
	"the database %s serves igc from schema %d on, and this igc uses %d: use a newer igc": "" +
		"la base %s sert les igc à partir du schéma %d, et cet igc utilise le schéma %d : " +
		"prenez un igc plus récent",
	"the database is encoded in %s: make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0": "" +
		"la base est encodée en %s : créez-en une par CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0",
	"this igc was built without PostgreSQL (tag nopostgres): take one that was built with it, or keep the records in a file (store: bbolt)": "" +
		"cet igc a été construit sans PostgreSQL (tag nopostgres) : prenez-en un qui l'a, ou gardez les enregistrements dans un fichier (store: bbolt)",
	"store %q is neither bbolt nor the address of a database, postgres://USER@HOST/DATABASE": "" +
		"store %q n'est ni bbolt ni l'adresse d'une base, postgres://UTILISATEUR@HÔTE/BASE",
	"the database %s is empty, and %s shows that there were records: " +
		"name the right one in igc.yaml, restore a backup, or bring them there with igc store copy": "" +
		"la base %s est vide, et %s montre qu'il y avait des enregistrements : nommez la bonne dans igc.yaml, " +
		"restaurez une sauvegarde, ou amenez-les-y par igc store copy",
	"the database %s has a lab already: nothing is copied over it": "" +
		"la base %s a déjà un laboratoire : rien n'est copié dessus",
	"%s is there already: nothing is copied over it": "" +
		"%s existe déjà : rien n'est copié dessus",
	"a copy of a lab into the database %s was begun and has not ended: go on with igc store copy": "" +
		"une copie d'un laboratoire vers la base %s a commencé et n'est pas finie : continuez par igc store copy",
	"certificate %d comes as number %d of the copy": "" +
		"le certificat %d arrive comme numéro %d de la copie",
	"the copy %s is whole, and cannot be named %s: %w": "" +
		"la copie %s est entière, et ne peut être nommée %s : %w",
	"another process holds %s: end igc serve first": "" +
		"un autre processus tient %s : arrêtez d'abord igc serve",
	"%q is neither bbolt:PATH nor postgres://USER@HOST/DATABASE": "" +
		"%q n'est ni bbolt:CHEMIN ni postgres://UTILISATEUR@HÔTE/BASE",
	"the copy differs in %s from what it was made of: was the lab written meanwhile? " +
		"End what writes it, and copy it again": "" +
		"la copie diffère de l'original (%s) : le laboratoire a-t-il été écrit entre-temps ? Arrêtez ce qui " +
		"l'écrit, et recopiez-le",
	"the feed ends at entry %d with %s, and its head is entry %d with %s": "" +
		"le journal finit à l'entrée %d d'empreinte %s, et sa tête est l'entrée %d d'empreinte %s",
	"%s is another key than the one of that name in the lab's database: " +
		"set it aside, and that one is fetched": "" +
		"%s n'est pas la clé de ce nom dans la base du laboratoire : mettez-la de côté, et celle-là sera prise",
	"the store is closed": "" +
		"les enregistrements sont fermés",
	"the lab's database was lost before it answered: look whether the change was made, " +
		"and make it again if not: %w": "" +
		"la base du laboratoire s'est perdue avant de répondre : regardez si le changement est fait, et " +
		"refaites-le sinon : %w",
	"cannot copy the records: %w": "" +
		"impossible de copier l'état : %w",
	"cannot write the backup: %w": "" +
		"impossible d'écrire la copie : %w",
	"cannot write the backup: %s, after %d bytes: %w": "" +
		"impossible d'écrire la copie : %s, après %d octets : %w",
	"%s is there already: a backup replaces no file, give another name": "" +
		"%s est déjà là : une copie ne remplace aucun fichier, donnez un autre nom",
	"cannot read the lab: %w": "" +
		"impossible de lire le laboratoire : %w",
	"cannot read the backup: %w": "" +
		"impossible de lire la copie : %w",
	"%s is not empty: a lab is restored into an empty folder, or one that is not there: igc --home FOLDER restore FILE": "" +
		"%s n'est pas vide : un laboratoire est remis dans un dossier vide, ou absent : igc --home DOSSIER restore FICHIER",
	"the backup ends without its manifest: it was cut off, or is not a backup of igc": "" +
		"la copie finit sans son manifeste : elle est tronquée, ou n'est pas une copie d'igc",
	"the backup is cut off, or not a backup of igc: %w": "" +
		"la copie est tronquée, ou n'est pas une copie d'igc : %w",
	"the backup goes on after its manifest, with %q": "" +
		"la copie continue après son manifeste, par %q",
	"the backup holds %q, which is not a file (type %q): igc backup writes files only": "" +
		"la copie contient %q, qui n'est pas un fichier (type %q) : igc backup n'écrit que des fichiers",
	"the backup holds %q, which leads out of the lab": "" +
		"la copie contient %q, qui mène hors du laboratoire",
	"the backup holds %q twice": "" +
		"la copie contient %q deux fois",
	"the backup holds %q of %d bytes, more than its file has": "" +
		"la copie contient %q de %d octets, plus que n'en a son fichier",
	"the backup's manifest has %d bytes": "" +
		"le manifeste de la copie fait %d octets",
	"the backup holds %q, below a file: %w": "" +
		"la copie contient %q, sous un fichier : %w",
	"the backup's manifest cannot be read: %w": "" +
		"le manifeste de la copie est illisible : %w",
	"the backup has format %d, and this igc reads %d: use the igc that made it": "" +
		"la copie est du format %d, et cet igc lit le %d : prenez l'igc qui l'a faite",
	"the backup lacks %q, which its manifest has": "" +
		"il manque %q à la copie, que son manifeste a",
	"%q in the backup is not the file that its manifest has: it was changed": "" +
		"%q n'est pas dans la copie le fichier que son manifeste a : il a été changé",
	"the backup holds %q, which its manifest lacks": "" +
		"la copie contient %q, que son manifeste n'a pas",
	"the backup lacks %q": "" +
		"il manque %q à la copie",
	"the change feed of the backup does not hold, at entry %d: %s": "" +
		"le journal de la copie ne tient pas, à l'entrée %d : %s",
	"the change feed of the backup ends with entry %d, and its manifest has entry %d": "" +
		"le journal de la copie finit par l'entrée %d, et son manifeste a l'entrée %d",
	"the records of this lab are in the database %s: back it up with pg_dump, and the folder %s beside it": "" +
		"l'état de ce laboratoire est dans la base %s : copiez-la par pg_dump, et le dossier %s à côté",
	"the records of the lab in this backup are in the database %s: igc restores those of a file": "" +
		"l'état du laboratoire de cette copie est dans la base %s : igc remet ceux d'un fichier",

	// authorities, certificates, cards
	"%s is not an address of Pro Santé Connect, %s: the portal calls nothing else":            "%s n'est pas une adresse de Pro Santé Connect, %s : le portail n'appelle rien d'autre",
	"%w; for a server, give host:port or https://host":                                        "%w ; pour un serveur, donnez hôte:port ou https://hôte",
	"cannot listen on %s (%s): %w; %s":                                                        "impossible d'écouter sur %s (%s) : %w ; %s",
	"the lab has no authority %s":                                                             "le laboratoire n'a pas d'autorité %s",
	"the certificate of %s cannot be read":                                                    "le certificat de %s est illisible",
	"%s is the certificate of %s: an authority is named as one, igc unhold --authority %[2]s": "%s est le certificat de %s : une autorité se désigne comme telle, igc unhold --authority %[2]s",
	"the lab's folder has no card %s: its holder has its files":                               "le dossier du laboratoire n'a pas la carte %s : son porteur a ses fichiers",
	"private keys (.p12) are given to the owner of this lab only, on this machine: open the console by the link that igc serve prints, which igc catalogue /console/ prints again": "les clés privées (.p12) ne sont données qu'à qui possède ce laboratoire, sur cette machine : ouvrez la console par le lien qu'affiche igc serve, et qu'igc catalogue /console/ affiche de nouveau",
	"the lab issued no card and no certificate %s: igc list shows those of the lab":                                                                                                "le laboratoire n'a émis ni carte ni certificat %s : igc list montre les siens",
	"a revocation is for good: to suspend the card, use its own button":                                                                                                            "une révocation est définitive : pour suspendre la carte, utilisez le bouton qui le fait",
	"this form is not of a page of the console that this browser has open: reload the page and try again":                                                                          "ce formulaire n'est pas d'une page de la console ouverte dans ce navigateur : rechargez la page et recommencez",
	"the console has no page of this address":                                                                                                                                      "la console n'a pas de page à cette adresse",
	"handshake %s is not among the last ones, which the server keeps until it stops":                                                                                               "la connexion %s n'est pas parmi les dernières, que le serveur garde jusqu'à son arrêt",
	"the key of %s is the holder's own: igc renew %s --csr FILE issues it again":                                                                                                   "la clé de %s est celle du porteur : igc renew %s --csr FICHIER le réémet",
	"there is no file %s of %s in the lab's folder":                                                                                                                                "le dossier du laboratoire n'a pas de fichier %s de %s",
	"cannot write the set: %w": "impossible d'écrire le jeu : %w",
	"%s holds %s, which igc fixtures did not make: choose another folder":                                         "%s contient %s, que igc fixtures n'a pas fait : choisissez un autre dossier",
	"the lab issued no certificate of this address: the page of its holder has the links of those that it issued": "le laboratoire n'a pas émis de certificat à cette adresse : la page de son porteur a les liens de ceux qu'il a émis",
	"%s is the certificate of %s, and an authority is not revoked by a serial number, a file, a card or a holder: it is for good, and every certificate that it issued is refused from then on. If that is meant: igc revoke --authority %[2]s": "%s est le certificat de %s, et une autorité ne se révoque pas par un numéro de série, un fichier, une carte ou un porteur : c'est définitif, et tout certificat qu'elle a émis est refusé dès lors. Si c'est voulu : igc revoke --authority %[2]s",
	"another process has held the lab for %s: end it, or try again":                                           "un autre processus tient le laboratoire depuis %s : arrêtez-le, ou réessayez",
	"%s is there and not empty: choose another folder":                                                        "%s existe et n'est pas vide : choisissez un autre dossier",
	"cannot write the card: %w":                                                                               "impossible d'écrire la carte : %w",
	"the certificates are recorded, but their folder %s could not be written (%w): revoke %s and issue again": "les certificats sont enregistrés, mais leur dossier %s n'a pu être écrit (%w) : révoquez %s et émettez de nouveau",
	"serial number %q is too short: give at least four hexadecimal digits, as igc list shows them":            "le numéro de série %q est trop court : donnez au moins quatre chiffres hexadécimaux, comme igc list les montre",
	"%q is not a serial number: give its hexadecimal digits, as igc list shows them":                          "%q n'est pas un numéro de série : donnez ses chiffres hexadécimaux, comme igc list les montre",
	"%q is not a serial number, nor the name of a card or holder of the lab: igc list shows them":             "%q n'est ni un numéro de série, ni le nom d'une carte ou d'un porteur du laboratoire : igc list les montre",
	"the lab has issued nothing yet: igc issue --fixture alain issues a card":                                 "le laboratoire n'a encore rien émis : igc issue --fixture alain émet une carte",
	"no certificate has the serial number %s: igc list shows those of the lab":                                "aucun certificat n'a le numéro de série %s : igc list montre ceux du laboratoire",
	"several certificates begin or end with %s (%X, %X...): give more digits":                                 "plusieurs certificats commencent ou finissent par %s (%X, %X...) : donnez plus de chiffres",
	"%s is not an Ed25519 key: remove it, and another is made":                                                "%s n'est pas une clé Ed25519 : supprimez-la, une autre sera créée",
	"not the signed head of a change feed":                                                                    "ce n'est pas la tête signée d'un journal",
	"%s is not issued on demand: the lab makes its own":                                                       "%s ne s'émet pas à la demande : le laboratoire fait les siens",
	"unknown generation %q: choose gen2016 or gen2023":                                                        "génération inconnue %q : choisissez gen2016 ou gen2023",
	"public key for %s: %w": "clé publique pour %s : %w",
	"card number %s was issued already: choose another, or let the lab choose": "le numéro de carte %s est déjà émis : choisissez-en un autre, ou laissez le laboratoire choisir",
	"card number taken": "numéro de carte déjà pris",
	"the lab has no authority %s: igc init makes all nine":                                     "le laboratoire n'a pas d'autorité %s : igc init crée les neuf",
	"certificate of %s: %w":                                                                    "certificat de %s : %w",
	"%s was given something else than a TBSCertList of its own to sign":                        "%s a reçu à signer autre chose qu'une TBSCertList à elle",
	"%s received an empty TBSCertList to sign":                                                 "%s a reçu à signer une TBSCertList vide",
	"validity from %s to %s is not within that of %s, from %s to %s: choose another beginning": "la validité du %s au %s sort de celle de %s, du %s au %s : choisissez un autre début",
	"%s cannot sign: %w": "%s ne peut pas signer : %w",
	"%s signed what breaks a rule of the IGC-Santé, and does not give it out: %w": "%s a signé ce qui enfreint une règle de l'IGC-Santé, et ne le remet pas : %w",
	"%s signed something else than what was linted, and does not give it out":     "%s a signé autre chose que ce qui a été contrôlé, et ne le remet pas",
	"a certificate needs a template":                                              "un certificat demande un modèle",
	"a renewal needs a template":                                                  "un renouvellement demande un modèle",
	"%q is not a serial number":                                                   "%q n'est pas un numéro de série",
	"the certificate made is not the one that its profile asks for: %s":           "le certificat fait n'est pas celui que son gabarit demande : %s",
	"the certificate made names %s as issuer, not %s":                             "le certificat fait nomme %s comme émetteur, et non %s",
	"%s cannot issue this: %w":                                                    "%s ne peut pas émettre cela : %w",
	"%s does not sign what breaks a rule of the IGC-Santé: %w":                    "%s ne signe pas ce qui enfreint une règle de l'IGC-Santé : %w",
	"dry run": "essai sans effet",
	"say which certificates: a serial number, a certificate, a card, a holder or an authority, one of them": "dites quels certificats : un numéro de série, un certificat, une carte, un porteur ou une autorité, un seul",
	"an authority is revoked by itself, and %d others are named beside %s":                                  "une autorité se révoque seule, et %d autres sont nommés à côté de %s",
	"%s is a root: no authority above it could list it, and its own CRL and OCSP answers are worth nothing once it is not trusted (RFC 5280 §6.1). To end it, take it out of the trust stores (igc trust uninstall) and make another lab (igc --home FOLDER init)": "%s est une racine : aucune autorité au-dessus ne pourrait l'inscrire, et sa CRL et ses réponses OCSP ne valent rien dès qu'on ne s'y fie plus (RFC 5280 §6.1). Pour y mettre fin, retirez-la des magasins de confiance (igc trust uninstall) et créez un autre laboratoire (igc --home DOSSIER init)",
	"an authority is not put on hold: the revocation of %s is for good, for another reason than %s":  "une autorité ne se suspend pas : la révocation de %s est définitive, pour un autre motif que %s",
	"a revocation cannot be dated in the future: %s is after %s":                                     "une révocation ne se date pas dans l'avenir : %s est après %s",
	"the invalidity date %s is after the revocation, %s: the key was no longer trusted before it":    "la date d'invalidité %s suit la révocation, %s : la clé n'était plus sûre avant elle",
	"no card %s was issued: igc list shows those of the lab":                                         "aucune carte %s n'est émise : igc list montre celles du laboratoire",
	"no certificate was issued to a holder %s: give the whole identifier, as igc show has it":        "aucun certificat n'est émis à un porteur %s : donnez l'identifiant entier, comme igc show le montre",
	"%q may be the holder %s: give the whole identifier, type digit included":                        "%q peut être le porteur %s : donnez l'identifiant entier, chiffre de type compris",
	"this lab did not issue the certificate %s of %s: igc list shows those that it issued":           "ce laboratoire n'a pas émis le certificat %s de %s : igc list montre ceux qu'il a émis",
	"%X was revoked on %s for %s, which is for good: only a hold can end":                            "%X a été révoqué le %s pour %s, ce qui est définitif : seule une suspension se lève",
	"%X was revoked on %s for %s: the reason stays, %s is refused":                                   "%X a été révoqué le %s pour %s : le motif reste, %s est refusé",
	"%X cannot have been revoked on %s: it is valid from %s":                                         "%X ne peut avoir été révoqué le %s : il est valable à partir du %s",
	"no certificate is on hold; %s was revoked on %s for %s, which is for good: only a hold can end": "aucun certificat n'est suspendu ; %s a été révoqué le %s pour %s, ce qui est définitif : seule une suspension se lève",
	"cannot seed %d certificates of which %d are revoked":                                            "impossible de semer %d certificats dont %d révoqués",
	"cannot seed from a certificate whose serial number has no 16 bytes":                             "impossible de semer à partir d'un certificat dont le numéro de série n'a pas 16 octets",
	"%s is not the key of the certificate of %s: restore it from a copy of the lab":                  "%s n'est pas la clé du certificat de %s : reprenez-la d'une copie du laboratoire",

	// records
	"%q is not a SHA-256 in hexadecimal":                         "%q n'est pas un SHA-256 en hexadécimal",
	"entry of the feed: %w":                                      "entrée du journal : %w",
	"entry %d of the feed is not as it was written":              "l'entrée %d du journal n'est pas telle qu'elle fut écrite",
	"entry %d of the feed is missing: entry %d follows entry %d": "l'entrée %d du journal manque : l'entrée %d suit l'entrée %d",
	"entry %d of the feed, or the one before it, was changed: it names %s as the hash of entry %d, which is %s": "l'entrée %d du journal, ou la précédente, a été modifiée : elle donne %s pour l'empreinte de l'entrée %d, qui est %s",
	"audit.head: %w": "audit.head : %w",
	"the feed names no key for its signed head, and %q is not one: %w":                         "le journal ne nomme pas de clé pour sa tête signée, et %q n'en est pas une : %w",
	"the end of the feed was cut off: it has %d entries, and %d were signed on %s":             "la fin du journal a été coupée : il a %d entrées, et %d étaient signées le %s",
	"entry %d of the feed is not the one that was signed on %s":                                "l'entrée %d du journal n'est pas celle qui fut signée le %s",
	"the entries of a CRL are damaged":                                                         "les entrées d'une CRL sont abîmées",
	"serial number taken":                                                                      "numéro de série déjà pris",
	"another process has the records open":                                                     "un autre processus tient les données ouvertes",
	"the document changed meanwhile":                                                           "le document a changé entre-temps",
	"the lease is held by another":                                                             "le bail est tenu par un autre",
	"removeFromCRL does not revoke: it takes a certificate off the CRL, which igc unhold does": "removeFromCRL ne révoque pas : il retire un certificat de la CRL, ce que fait igc unhold",
	"unknown reason %q: choose one of %s":                                                      "motif inconnu %q : choisissez parmi %s",
	"the lab has %s already":                                                                   "le laboratoire a déjà %s",
	"%s issued no certificate %X":                                                              "%s n'a pas émis de certificat %X",
	"of the certificate %X of %s nothing is known any more but that it was revoked, on %s: give igc recover the folder that holds it": "du certificat %X de %s on ne sait plus rien, sinon qu'il a été révoqué, le %s : donnez à igc recover le dossier qui le contient",
	"cannot open the lab's records %s: %w": "impossible d'ouvrir les données du laboratoire %s : %w",
	"the lab's records %s are damaged (%w): igc recover rebuilds them from what is on disk, or put a copy of %s back":                          "les données du laboratoire %s sont abîmées (%w) : igc recover les refait de ce qui est sur le disque, ou remettez une copie de %s",
	"the lab's records %s are %s, and %s shows that there were some: igc recover rebuilds them from what is on disk, or put a copy of %s back": "les données du laboratoire %s sont %s, et %s montre qu'il y en avait : igc recover les refait de ce qui est sur le disque, ou remettez une copie de %s",
	"without any authority": "sans aucune autorité",
	"empty":                 "vides",
	"missing":               "absentes",
	"no %s %q":              "pas de %s %q",
	"%q is not a key for a document of kind %q": "%q n'est pas une clé pour un document du genre %q",
	"the records in %s are of format %d, and this igc reads %d and %d: use the igc that wrote them, or make a new lab in another folder":                            "les données de %s sont au format %d, et cet igc lit %d et %d : prenez l'igc qui les a écrites, ou créez un laboratoire dans un autre dossier",
	"the lab's records %s are of format %d and must be copied before they are migrated: %w":                                                                         "les données du laboratoire %s sont au format %d et doivent être copiées avant d'être converties : %w",
	"the lab's records %s could not be migrated to format %d and are as they were (%w): free some disk space, or end the program that uses the file, and try again": "les données du laboratoire %s n'ont pu être converties au format %d et sont restées telles quelles (%w) : libérez de la place, ou arrêtez le programme qui tient le fichier, et réessayez",
	"the records are migrated, and audit.log cannot be renamed to audit.log.imported: %w":                                                                           "les données sont converties, et audit.log ne peut être renommé en audit.log.imported : %w",
	"the records are migrated, and the copy of the former ones cannot be removed: %w":                                                                               "les données sont converties, et la copie des anciennes ne peut être supprimée : %w",
	"a change without an actor":                                           "une modification sans auteur",
	"the lab's records %s were opened to be read only":                    "les données du laboratoire %s ont été ouvertes en lecture seule",
	"another process has held the lab in %s for %s: end it, or try again": "un autre processus tient le laboratoire de %s depuis %s : arrêtez-le, ou réessayez",
	"no lab: %w": "pas de laboratoire : %w",
	"a population of %d people: give 1 to %d": "une population de %d personnes : donnez de 1 à %d",
	"the lab has no records yet: %w":          "le laboratoire n'a pas encore de données : %w",
	"cannot write the lab's records %s: %w":   "impossible d'écrire les données du laboratoire %s : %w",

	// what is damaged in them
	"the certificate of an authority":                        "le certificat d'une autorité",
	"the number %q":                                          "le nombre %q",
	"%s has no %s":                                           "%s n'a pas %s",
	"the count of certificates of %s":                        "le compte des certificats de %s",
	"the count of certificates":                              "le compte des certificats",
	"the status of %X":                                       "l'état de %X",
	"the record of %X of %s":                                 "l'enregistrement de %X de %s",
	"a record's number has %d bytes":                         "le numéro d'un enregistrement a %d octets",
	"an index at %q":                                         "un index, à %q",
	"the state of a CRL":                                     "l'état d'une CRL",
	"a change of status at %X":                               "un changement d'état, à %X",
	"a change of status of %X":                               "un changement d'état de %X",
	"an index names %X of %q":                                "un index nomme %X de %q",
	"an index names %X of %s, which is not there":            "un index nomme %X de %s, qui n'y est pas",
	"an index names %s, which is not there":                  "un index nomme %s, qui n'y est pas",
	"the order of what was issued lacks %d":                  "l'ordre d'émission n'a pas %d",
	"the order of what was issued, at %X":                    "l'ordre d'émission, à %X",
	"entries of a CRL at %X":                                 "des entrées d'une CRL, à %X",
	"the entry of %X in a CRL":                               "l'entrée de %X dans une CRL",
	"the CRL of %s has %d entries of %d, and %d are revoked": "la CRL de %s a %d entrées sur %d, et %d sont révoqués",
	"the document %q":                                        "le document %q",
	"the expiries of documents name %q, which is not there":  "les échéances des documents nomment %q, qui n'y est pas",
	"the entry %X of the change feed":                        "l'entrée %X du journal",
	"not a meta page":                                        "ce n'est pas une page d'en-tête",
	"wrong checksum":                                         "somme de contrôle fausse",
	"page %d of %d":                                          "page %d sur %d",
	"page %d cannot be read: %v":                             "page %d illisible : %v",
	"page %d says that it is %d":                             "la page %d se donne pour %d",
	"page %d ends behind the last one":                       "la page %d finit après la dernière",
	"page %d is cut short":                                   "page %d tronquée",
	"page %d is neither branch nor leaf":                     "la page %d n'est ni branche ni feuille",
	"page %d has %d entries":                                 "la page %d a %d entrées",
	"page %d, entry %d: unknown kind":                        "page %d, entrée %d : genre inconnu",
	"page %d, entry %d is outside of it":                     "page %d, l'entrée %d en sort",
	"page %d, entry %d is out of order":                      "page %d, l'entrée %d n'est pas à sa place",
	"bucket %q is cut short":                                 "compartiment %q tronqué",
	"bucket %q is not a leaf":                                "le compartiment %q n'est pas une feuille",
	"no list of free pages":                                  "pas de liste des pages libres",
	"page %d is not the list of free pages":                  "la page %d n'est pas la liste des pages libres",
	"the list of free pages is cut short":                    "la liste des pages libres est tronquée",
	"the list of free pages is not in order":                 "la liste des pages libres est en désordre",
	"%d of its 2 meta pages are whole":                       "%d de ses 2 pages d'en-tête sont entières",
	"it is cut short: %d bytes, %d pages of %d":              "fichier tronqué : %d octets, %d pages de %d",
	"page %d is used twice":                                  "la page %d sert deux fois",
	"page %d is too deep":                                    "la page %d est trop profonde",
	"record %d":                                              "enregistrement %d",
	"record %d: %v":                                          "enregistrement %d : %v",

	// keys
	"unknown key policy %q: choose faithful, rsa3072, rsa2048 or p256":                                               "politique de clés inconnue %q : choisissez faithful, rsa3072, rsa2048 ou p256",
	"cannot encrypt key %s: %w":                                                                                      "impossible de chiffrer la clé %s : %w",
	"%s is damaged: it is not an encrypted PKCS#8 key; restore it from a copy of the lab":                            "%s est abîmé : ce n'est pas une clé PKCS#8 chiffrée ; reprenez-la d'une copie du laboratoire",
	"wrong passphrase: %s does not open with it; give the lab's with --passphrase-file or IGC_PASSPHRASE":            "phrase secrète erronée : %s ne s'ouvre pas avec elle ; donnez celle du laboratoire par --passphrase-file ou IGC_PASSPHRASE",
	"%s is damaged: it is not a key that signs; restore it from a copy of the lab":                                   "%s est abîmé : ce n'est pas une clé qui signe ; reprenez-la d'une copie du laboratoire",
	"%q is not the URI of a PKCS#11 token: pkcs11:token=NAME?module-path=LIBRARY&pin-source=FILE":                    "%q n'est pas l'URI d'un jeton PKCS#11 : pkcs11:token=NOM?module-path=BIBLIOTHÈQUE&pin-source=FICHIER",
	"the URI of a PKCS#11 token has its PIN: write it to a file that only you can read, and name that by pin-source": "l'URI d'un jeton PKCS#11 contient son code : écrivez-le dans un fichier que vous seul pouvez lire, et nommez celui-ci par pin-source",
	"cannot read the PIN of the token: %s; pin-source in igc.yaml names its file":                                    "impossible de lire le code du jeton : %s ; pin-source dans igc.yaml nomme son fichier",
	"%s has no PIN in its first line":                                                                                "%s n'a pas de code à sa première ligne",
	"the token %s does not open: %w":                                                                                 "le jeton %s ne s'ouvre pas : %w",
	"the token %s makes no key %s: %w":                                                                               "le jeton %s ne fait pas de clé %s : %w",
	"%s is the address of a key in a PKCS#11 token, %s, and igc.yaml names no token: give its URI as authority_keys": "%s est l'adresse d'une clé dans un jeton PKCS#11, %s, et igc.yaml ne nomme pas de jeton : donnez son URI comme authority_keys",
	"the token %s has no key %s, which %s names: %w":                                                                 "le jeton %s n'a pas la clé %s, que nomme %s : %w",
	"%s is damaged: it is not the address of a key in a PKCS#11 token: %w; restore it from a copy of the lab":        "%s est abîmé : ce n'est pas l'adresse d'une clé dans un jeton PKCS#11 : %w ; reprenez-la d'une copie du laboratoire",
	"this igc was built without cgo, which PKCS#11 needs: build it with make build CGO=1":                            "cet igc est construit sans cgo, qu'il faut à PKCS#11 : construisez-le par make build CGO=1",
	"authority_keys: %w": "authority_keys : %w",

	// igc.yaml and the home folder
	"ocsp: %s %q is none of %s":                   "ocsp : %s %q n'est pas parmi %s",
	"ocsp: validity %s is not between 1m and 72h": "ocsp : validity %s n'est pas entre 1m et 72h",
	"the lab's database takes no more connections: raise its max_connections, or lower pool_max_conns in the " +
		"address of each node: %w": "" +
		"la base de données du labo n'accepte plus de connexions : augmentez son max_connections, ou baissez " +
		"pool_max_conns dans l'adresse de chaque nœud : %w",
	"ocsp: store_gone %s is not between 1s and 72h": "" +
		"ocsp : store_gone %s n'est pas entre 1s et 72h",
	"ocsp: keep %d is not between 0 and 10000000":                                           "ocsp : keep %d n'est pas entre 0 et 10000000",
	"ocsp: archive_cutoff %q is neither none, nor issuer, nor a number of days up to 36500": "ocsp : archive_cutoff %q n'est ni none, ni issuer, ni un nombre de jours jusqu'à 36500",
	"cannot read the lab's configuration: %w":                                               "impossible de lire la configuration du laboratoire : %w",
	"generation %q is neither gen2016 nor gen2023":                                          "generation %q n'est ni gen2016 ni gen2023",
	"urls: %s %q is not %s://host[:port] without a slash at its end":                        "urls : %s %q n'est pas %s://hôte[:port] sans barre à la fin",
	"listen: %q is not host:port":                                                           "listen : %q n'est pas hôte:port",
	"warn_before %s is negative":                                                            "warn_before %s est négatif",
	"%w, or give --home":                                                                    "%w, ou donnez --home",
	"no place for a lab: set IGC_HOME to a folder":                                          "aucun endroit pour un laboratoire : donnez un dossier à IGC_HOME",
	"cannot read the damaged records: %w":                                                   "impossible de lire les données abîmées : %w",
	"cannot read the audit log: %w":                                                         "impossible de lire le journal d'audit : %w",
	"cannot make the lab: %w":                                                               "impossible de créer le laboratoire : %w",
	"%s is a link of %s, who can make it lead elsewhere: remove it, or choose another home: igc --home FOLDER init":                    "%s est un lien de %s, qui peut le faire mener ailleurs : supprimez-le, ou choisissez un autre dossier : igc --home DOSSIER init",
	"%s leads nowhere: choose another home: igc --home FOLDER init":                                                                    "%s ne mène nulle part : choisissez un autre dossier : igc --home DOSSIER init",
	"cannot make the lab: %s is not a folder: choose another home: igc --home FOLDER init":                                             "impossible de créer le laboratoire : %s n'est pas un dossier : choisissez-en un autre : igc --home DOSSIER init",
	"%s is a folder of %s, who can change what is in it: choose a home in a folder of yours: igc --home FOLDER init":                   "%s est un dossier de %s, qui peut changer ce qu'il contient : choisissez un dossier à vous : igc --home DOSSIER init",
	"%s can be changed by other users (its mode is %04o): close it with chmod go-w %s, or choose another home: igc --home FOLDER init": "%s peut être changé par d'autres utilisateurs (son mode est %04o) : fermez-le par chmod go-w %s, ou choisissez un autre dossier : igc --home DOSSIER init",
	"cannot read the signed head: %w":                                                                          "impossible de lire la tête signée : %w",
	"no lab in %s: make one with igc init, or let igc issue make it":                                           "pas de laboratoire dans %s : créez-en un par igc init, ou laissez igc issue le faire",
	"the records of the lab in %s are in %s, and stay there; igc store copy takes them elsewhere":              "les enregistrements du laboratoire de %s sont dans %s, et y restent ; igc store copy les porte ailleurs",
	"the lab in %s was made with authority_keys: %s, and stays so; choose another home for %s":                 "le laboratoire de %s est fait avec authority_keys : %s, et le reste ; choisissez un autre dossier pour %s",
	"the lab in %s was made with key: %s and publication: %s, and stays so; choose another home for %s and %s": "le laboratoire de %s a été créé avec key: %s et publication: %s, et le reste ; choisissez un autre dossier pour %s et %s",
	"cannot write %s: %w": "impossible d'écrire %s : %w",
	"this lab was made with a passphrase of yours: give it with --passphrase-file or IGC_PASSPHRASE": "ce laboratoire a été créé avec une phrase secrète à vous : donnez-la par --passphrase-file ou IGC_PASSPHRASE",
	"cannot read the lab's passphrase: %w": "impossible de lire la phrase secrète du laboratoire : %w",
	"%s is empty: restore it from a copy of the lab, or give the passphrase with --passphrase-file": "%s est vide : reprenez-le d'une copie du laboratoire, ou donnez la phrase secrète par --passphrase-file",
	"another process holds the lab in %s: is igc serve running there already?":                      "un autre processus tient le laboratoire de %s : igc serve y tourne-t-il déjà ?",
	"cannot read the passphrase file: %w":                                                           "impossible de lire le fichier de la phrase secrète : %w",
	"the first line of %s is empty: it should be the passphrase":                                    "la première ligne de %s est vide : elle devrait être la phrase secrète",
	"not written": "rien d'écrit",
	"another process holds the lab in %s: end it first":                                          "un autre processus tient le laboratoire de %s : arrêtez-le d'abord",
	"%s changed meanwhile: end the process that writes it, and try again":                        "%s a changé entre-temps : arrêtez le processus qui l'écrit, et réessayez",
	"cannot set the damaged records aside: %w":                                                   "impossible de mettre de côté les données abîmées : %w",
	"cannot put the new records in place: %w":                                                    "impossible de mettre en place les nouvelles données : %w",
	"the certificate of an authority cannot be read: %w":                                         "le certificat d'une autorité est illisible : %w",
	"crl: form %q is neither %s nor %s":                                                          "crl : form %q n'est ni %s ni %s",
	"crl: expired %q is neither listed nor removed":                                              "crl : expired %q n'est ni listed ni removed",
	"crl: http_cache %q is neither %s nor %s":                                                    "crl : http_cache %q n'est ni %s ni %s",
	"crl: %s: every %q is neither daily, monthly nor a duration of a minute or more, such as 6h": "crl : %s : every %q n'est ni daily, ni monthly, ni une durée d'au moins une minute, telle que 6h",
	"crl: %s: a list valid for %s would end before the next one, %s":                             "crl : %s : une CRL valable %s finirait avant la suivante, %s",
	"a second document follows, after a line \"---\": keep one":                                  "un second document suit, après une ligne « --- » : gardez-en un",
	"line %s: %s (%q)":                            "ligne %s : %s (%q)",
	"the file cannot be read as YAML: %s (%q)":    "le fichier n'est pas lisible comme YAML : %s (%q)",
	"line %d: unknown key %q%s: did you mean %q?": "ligne %d : clé inconnue %q%s : vouliez-vous dire %q ?",
	"line %d: unknown key %q%s: known are %s":     "ligne %d : clé inconnue %q%s : connues : %s",
	"line %d: %s, where %s is expected":           "ligne %d : %s ; attendu : %s",
	"line %d: %s is %s, where %s is expected":     "ligne %d : %s est %s ; attendu : %s",

	"a secret of %s does not open with the key %s: it was changed, or another lab's key is there": "un secret de %s ne s'ouvre pas avec la clé %s : il a été modifié, ou la clé d'un autre laboratoire est là",
	"%s is not an EC key: restore it from a copy of the lab":                                      "%s n'est pas une clé EC : reprenez-la d'une copie du laboratoire",

	// Pro Santé Connect and its clock
	"%q has a fragment: a redirect URI has none (RFC 6749 §3.1.2)":                                                        "%q a un fragment : une adresse de retour n'en a pas (RFC 6749 §3.1.2)",
	"%q has a wildcard: Pro Santé Connect compares the whole address, letter by letter":                                   "%q a un joker : Pro Santé Connect compare l'adresse entière, lettre pour lettre",
	"%q is neither https nor http on this machine":                                                                        "%q n'est ni en https, ni en http sur cette machine",
	"%q is not a client_id: letters, digits, dots, hyphens and underscores, at most 100":                                  "%q n'est pas un client_id : lettres, chiffres, points, tirets et soulignés, 100 au plus",
	"%q is not an address: give it whole, such as http://localhost:3000/callback":                                         "%q n'est pas une adresse : donnez-la entière, telle que http://localhost:3000/callback",
	"%s did not answer the request of %s in time: igc ecps approve %[1]s answers it, igc ecps policy approve answers all": "%s n'a pas répondu à temps à la demande de %s : igc ecps approve %[1]s y répond, igc ecps policy approve répond à toutes",
	"%s refused the request of %s on the phone":                                                                           "%s a refusé la demande de %s sur le téléphone",
	"%s=%q: choose one of %s":                                                             "%s=%q : choisissez parmi %s",
	"%s=%q: give a number of seconds, at most thirty days":                                "%s=%q : donnez un nombre de secondes, trente jours au plus",
	"fault.%s=%q: give 503, reset, off, or a delay up to a minute, such as 5s":            "fault.%s=%q : donnez 503, reset, off, ou un délai d'une minute au plus, tel que 5s",
	"the claims of this token are not a JSON object":                                      "le contenu de ce jeton n'est pas un objet JSON",
	"the client %s has no redirect URI, and CIBA is off: give --redirect":                 "le client %s n'a pas d'adresse de retour, et CIBA lui est fermé : donnez --redirect",
	"the clock of the services moves forward only: %s is not more than zero":              "l'heure des services ne fait qu'avancer : %s n'est pas plus que zéro",
	"the clock of the services would be %s ahead: at most ten years are":                  "l'heure des services avancerait de %s : dix ans au plus",
	"the document %s/%s is not an RSA key":                                                "le document %s/%s n'est pas une clé RSA",
	"the document %s/%s: %w":                                                              "le document %s/%s : %w",
	"the logout address %s is not on this machine: the lab calls loopback only":           "l'adresse de déconnexion %s n'est pas sur cette machine : le laboratoire n'appelle que celle-ci",
	"there is a client %s already: igc psc client show %[1]s, or choose another name":     "il y a déjà un client %s : igc psc client show %[1]s, ou choisissez un autre nom",
	"there is no client %q: igc psc client list shows them, igc psc client add makes one": "il n'y a pas de client %q : igc psc client list les montre, igc psc client add en crée un",
	"this is not a token: it has %d bytes":                                                "ce n'est pas un jeton : il a %d octets",
	"this is not a JWT: %w":                                                               "ce n'est pas un JWT : %w",
	"unknown endpoint %q: choose one of %s":                                               "point d'accès inconnu %q : choisissez parmi %s",
	"unknown setting %q: igc psc set lists them":                                          "réglage inconnu %q : igc psc set les montre",

	// the server's socket
	"no server": "pas de serveur",
	"the server stopped before it answered (%w): igc list shows whether it was done": "le serveur s'est arrêté avant de répondre (%w) : igc list montre si c'est fait",
	"the server answered %s": "le serveur a répondu %s",
	"the server stopped in the middle of its answer (%w): igc list shows whether it was done":  "le serveur s'est arrêté au milieu de sa réponse (%w) : igc list montre si c'est fait",
	"the path of the lab is too long for its socket (%d bytes): choose a shorter home than %s": "le chemin du laboratoire est trop long pour sa socket (%d octets) : choisissez un dossier plus court que %s",
	"cannot remove the old socket: %w":    "impossible de supprimer l'ancienne socket : %w",
	"cannot open the lab's socket: %w":    "impossible d'ouvrir la socket du laboratoire : %w",
	"cannot protect the lab's socket: %w": "impossible de protéger la socket du laboratoire : %w",
	"wrong passphrase: the server of this lab runs with another; give the lab's, or none, since the server has it": "phrase secrète erronée : le serveur de ce laboratoire en a une autre ; donnez celle du laboratoire, ou aucune, puisque le serveur l'a",
	"call: %w": "appel : %w",

	// what a certificate is
	"%s is issued by %s, not by %s":                            "%s est émis par %s, et non par %s",
	"a certificate needs a serial number and a beginning":      "un certificat demande un numéro de série et un début",
	"validity ends %s, before it begins %s":                    "la validité finit le %s, avant de commencer le %s",
	"a %T is not a key that the lab certifies: RSA and EC are": "%T n'est pas une clé que le laboratoire certifie : RSA et EC le sont",
	"not a certificate: %w":                                    "ce n'est pas un certificat : %w",
	"it is not one DER SEQUENCE that holds another":            "ce n'est pas une SEQUENCE DER qui en contient une autre",
	"version, serial number or signature algorithm is broken":  "version, numéro de série ou algorithme de signature abîmés",
	"names, validity or public key are broken":                 "noms, validité ou clé publique abîmés",
	"issuer: %w":                      "émetteur : %w",
	"subject: %w":                     "sujet : %w",
	"validity is not a pair of dates": "la validité n'est pas une paire de dates",
	"something stands where the extensions should":                          "autre chose est à la place des extensions",
	"the list of extensions is broken":                                      "la liste des extensions est abîmée",
	"the certificate has no known profile":                                  "le certificat n'a pas de gabarit connu",
	"public key: %w":                                                        "clé publique : %w",
	"its value is not what its syntax asks for":                             "sa valeur n'est pas de la syntaxe demandée",
	"not a SubjectPublicKeyInfo":                                            "ce n'est pas une SubjectPublicKeyInfo",
	"code %q is not a number":                                               "le code %q n'est pas un nombre",
	"%w: %q is not %s/ and ten digits":                                      "%w : %q n'est pas %s/ et dix chiffres",
	"unknown authority %q: choose one of %s":                                "autorité inconnue %q : choisissez parmi %s",
	"unknown gamme %q: choose EL (élémentaire), ST (standard) or FO (fort)": "gamme inconnue %q : choisissez EL (élémentaire), ST (standard) ou FO (fort)",
	"%s %q is not valid UTF-8":                                              "%s %q n'est pas de l'UTF-8 valable",
	"%s %q does not fit a PrintableString":                                  "%s %q ne tient pas dans une PrintableString",
	"%s: string type %d is not one that the lab writes":                     "%s : le laboratoire n'écrit pas le type de chaîne %d",
	"not a distinguished name":                                              "ce n'est pas un nom distinctif",
	"%w: %s is not a readable string":                                       "%w : %s n'est pas une chaîne lisible",
	"unknown product %q: choose one of %s":                                  "produit inconnu %q : choisissez parmi %s",
	"%s has no %q certificate":                                              "%s n'a pas de certificat %q",
	"%q is not an object identifier":                                        "%q n'est pas un identifiant d'objet",
	"certificate of the authority %s: %w":                                   "certificat de l'autorité %s : %w",

	// fixtures
	"%s stands there twice":                                                    "%s y est deux fois",
	"expectation %q is neither accept nor reject":                              "l'attente %q n'est ni accept ni reject",
	"the name of a fixture is that of its folder: lower case, digits, hyphens": "le nom d'une carte de test est celui de son dossier : minuscules, chiffres, traits d'union",
	"a sentence is missing":                                                    "une phrase manque",
	"unknown kind %q":                                                          "genre inconnu %q",
	"unknown purpose %q":                                                       "usage inconnu %q",
	"unknown fault %q":                                                         "défaut inconnu %q",
	"unknown file mutation %q":                                                 "altération de fichier inconnue %q",
	"the lab's issuing path has its own issuer and no weak key: name a fault, such as no-fault": "l'émission du laboratoire a son propre émetteur et aucune clé faible : nommez un défaut, tel que no-fault",
	"what is made by hand is not recorded, so it cannot be revoked":                             "ce qui est fait à la main n'est pas enregistré, donc ne se révoque pas",
	"a %T does not sign here":              "%T : une telle clé ne signe pas ici",
	"no signature with %v and a %T":        "pas de signature avec %v et %T",
	"the key of the PKCS#12 does not sign": "la clé du PKCS#12 ne signe pas",
	"unknown fixture %q: choose one of %s": "identité de test inconnue %q : choisissez parmi %s",
	"no issuer %q":                         "pas d'émetteur %q",

	// virtual cards
	"no such card":                                          "carte inconnue",
	"not a card":                                            "ce n'est pas une carte",
	"not four to eight digits":                              "il ne fait pas de quatre à huit chiffres",
	"generation %q is neither cps3 nor cps4":                "la génération %q n'est ni cps3 ni cps4",
	"%w: there is no folder %s":                             "%w : il n'y a pas de dossier %s",
	"%w: the certificate has no key: %w":                    "%w : le certificat n'a pas de clé : %w",
	"%w: %s has no authentication or signature certificate": "%w : %s n'a pas de certificat d'authentification ou de signature",
	"%w: %s has no card number; software certificates are imported as PKCS#12": "%w : %s n'a pas de numéro de carte ; les certificats logiciels s'importent en PKCS#12",
	"%w: no certificate in PEM":         "%w : pas de certificat en PEM",
	"%w: broken certificate":            "%w : certificat abîmé",
	"%w: no number and no folder given": "%w : ni numéro ni dossier donné",
	"%d cards begin with %s: %s":        "%d cartes commencent par %s : %s",
	"%d cards or certificates have a holder %s, give the number of one: %s":                                   "%d cartes ou certificats ont un porteur %s, donnez le numéro de l'un : %s",
	"%w: the lab has none yet; igc issue --fixture alain issues one":                                          "%w : le laboratoire n'en a pas encore ; igc issue --fixture alain en émet une",
	"give a card, there are %d: %s":                                                                           "donnez une carte, il y en a %d : %s",
	"%w: %s is neither the number of a card of the lab, nor a holder, nor a folder; igc card list shows them": "%w : %s n'est ni le numéro d'une carte du laboratoire, ni un porteur, ni un dossier ; igc card list les montre",
	"cannot lock: %w":    "impossible de verrouiller : %w",
	"cannot lock %s: %w": "impossible de verrouiller %s : %w",
	"card blocked: three wrong PINs; igc card unblock takes the unblocking code": "carte bloquée : trois codes porteur faux ; igc card unblock prend le code de déblocage",
	"card lost: too many wrong unblocking codes; issue another one":              "carte perdue : trop de codes de déblocage faux ; émettez-en une autre",
	"the PIN is %w": "code porteur : %w",
	"the unblocking code is not eight digits": "le code de déblocage ne fait pas huit chiffres",
	"CPS_DATA holds %d bytes, not %d":         "CPS_DATA tient %d octets, pas %d",
	"each PIN is %w":                          "chaque code porteur : %w",
	"this card was never opened: unblock it with the PIN that it was issued with, then change it": "cette carte n'a jamais été ouverte : débloquez-la avec le code porteur de son émission, puis changez-le",
	"%s is not the key of the certificate beside it":                                              "%s n'est pas la clé du certificat voisin",
	"%s is not an encrypted private key in PEM":                                                   "%s n'est pas une clé privée chiffrée en PEM",
	"%s is damaged":                          "%s est abîmé",
	"%s is damaged: %w":                      "%s est abîmé : %w",
	"the card is in a reader already":        "la carte est déjà dans un lecteur",
	"the card is in no reader":               "la carte n'est dans aucun lecteur",
	"all %d readers hold a card: remove one": "les %d lecteurs ont tous une carte : retirez-en une",
	"%s: the key of %s is damaged; remove the file to have the card as it was issued":  "%s : la clé de %s est abîmée ; supprimez le fichier pour retrouver la carte telle qu'émise",
	"%s: the key of %s does not sign":                                                  "%s : la clé de %s ne signe pas",
	"%s is damaged (%w); remove it to have the card as it was issued":                  "%s est abîmé (%w) ; supprimez-le pour retrouver la carte telle qu'émise",
	"%s is of version %d, and this igc knows version %d":                               "%s est de version %d, et cet igc connaît la version %d",
	"%s is damaged (%d iterations); remove it to have the card as it was issued":       "%s est abîmé (%d itérations) ; supprimez-le pour retrouver la carte telle qu'émise",
	"a PIN is four to eight digits":                                                    "un code porteur fait de quatre à huit chiffres",
	"key of %s: %w":                                                                    "clé de %s : %w",
	"PKCS#12 of %s: %w":                                                                "PKCS#12 de %s : %w",
	"igc does not know the certificate stores of %s: import the PKCS#12 files by hand": "igc ne connaît pas les magasins de certificats de %s : importez les PKCS#12 à la main",
	"cannot read the module (make module builds it): %w":                               "impossible de lire le module (make module le construit) : %w",
	"%s is not JSON: %w":                                                               "%s n'est pas du JSON : %w",
	"%s is not a library: %w":                                                          "%s n'est pas une bibliothèque : %w",
	"%s is %s for %s, and this machine wants a shared library for %s":                  "%s est %s pour %s, et cette machine veut une bibliothèque partagée pour %s",
	"%s is not a PKCS#11 module: it has no C_GetFunctionList":                          "%s n'est pas un module PKCS#11 : il n'a pas C_GetFunctionList",
	"no such port: ": "pas de tel port : ",
	"vpcd: %w":       "vpcd : %w",
	"vpcd: unknown control %#x; is it vpcd that listens there?": "vpcd : commande inconnue %#x ; est-ce bien vpcd qui écoute là ?",

	// revocation, publication, servers
	"HTTP without TLS":         "HTTP sans TLS",
	"not a CRL of the lab":     "ce n'est pas une CRL du laboratoire",
	"OCSP responder of %s: %w": "répondeur OCSP de %s : %w",
	"CRL of %s: the lab's records could not be reached a moment ago": "CRL de %s : les données du labo étaient " +
		"inaccessibles il y a un instant",
	"the lab's database did not answer in %s": "la base de données du labo n'a pas répondu en %s",
	"CRL of %s: %w": "CRL de %s : %w",
	"%s has no delta CRL: roots publish full ones":                                         "%s n'a pas de delta-CRL : les racines publient des CRL entières",
	"cannot put the new tree in place of %s: %w":                                           "impossible de mettre la nouvelle arborescence à la place de %s : %w",
	"cannot publish in %s: %w":                                                             "impossible de publier dans %s : %w",
	"%s holds files that igc did not publish: nothing is replaced; choose an empty folder": "%s contient des fichiers qu'igc n'a pas publiés : rien n'est remplacé ; choisissez un dossier vide",
	"%s holds no token of %d hexadecimal digits":                                           "%s ne contient pas de jeton de %d chiffres hexadécimaux",
	"cannot write the catalogue's token: %w":                                               "impossible d'écrire le jeton du catalogue : %w",
	"certificate of the %s server: %w":                                                     "certificat du serveur %s : %w",
	"the answer does not say until when it is valid":                                       "la réponse ne dit pas jusqu'à quand elle vaut",

	// people
	"not a SubjectRefPro as Pro Santé Connect sends it: %v":                  "ce n'est pas un SubjectRefPro tel que Pro Santé Connect l'envoie : %v",
	"something follows the SubjectRefPro: remove it":                         "quelque chose suit le SubjectRefPro : ôtez-le",
	"SubjectRefPro has %d exercices, and at most %d are kept":                "SubjectRefPro a %d exercices, et %d au plus sont gardés",
	"nobody has the identifier %s yet: give a family name to add the person": "personne n'a encore l'identifiant %s : donnez un nom de famille pour l'ajouter",
	"%s has %d characters, and at most %d are kept: shorten it":              "%s a %d caractères, et %d au plus sont gardés : raccourcissez",
	"nobody has the identifier %q in this lab: igc people list shows who is there, igc issue makes a card for another, and igc people set adds a person without one": "personne n'a l'identifiant %q dans ce laboratoire : igc people list montre qui s'y trouve, igc issue fait la carte d'un autre, et igc people set ajoute une personne sans carte",
	"%s: unknown code %q: choose one of %s; people.yaml takes any other":                                                                                             "%s : code inconnu %q : choisissez parmi %s ; people.yaml prend tout autre",
	"%s: unknown code %q: igc codes %s lists them, and people.yaml takes any other":                                                                                  "%s : code inconnu %q : igc codes %s les donne, et people.yaml prend tout autre",
	"what is recorded of %s cannot be read: %w":                                                                                                                      "ce qui est enregistré de %s est illisible : %w",
	"%s %q holds the control character %U: remove it":                                                                                                                "%s %q contient le caractère de contrôle %U : ôtez-le",
	"an exercice has %d activities, and at most %d are kept":                                                                                                         "un exercice a %d activités, et %d au plus sont gardées",
	"mail %q is not an address such as camille@example.fr":                                                                                                           "l'adresse électronique %q n'est pas de la forme camille@example.fr",
	"phone %q is not a French number of ten digits, such as 06 39 98 00 12":                                                                                          "le téléphone %q n'est pas un numéro français de dix chiffres, tel que 06 39 98 00 12",
	"cannot read %s: %w":                       "impossible de lire %s : %w",
	"%s has %d bytes, and at most %d are read": "%s a %d octets, et %d au plus sont lus",
	"whom? give an identifier such as 899700999909: igc people list shows them":                                                                                             "qui ? donnez un identifiant tel que 899700999909 : igc people list les montre",
	"no_activity and SubjectRefPro contradict each other: keep one":                                                                                                         "no_activity et SubjectRefPro se contredisent : gardez l'un des deux",
	"RPPS number %s is outside the test ranges (997…, 999…): it may be a real person's. If that is meant, allow it: --allow-real-id, or allow_real_id: true in people.yaml": "numéro RPPS %s hors des plages de test (997…, 999…) : ce peut être celui d'une vraie personne. Si c'est voulu, permettez-le : --allow-real-id, ou allow_real_id: true dans people.yaml",

	// messages
	"outbox: smtp %q is not host:port, such as 127.0.0.1:1025":                                                                               "outbox : smtp %q n'est pas hôte:port, tel que 127.0.0.1:1025",
	"outbox: smtp %q is not on this machine: give an address such as 127.0.0.1:1025, or, if mails of the lab are to leave it, exposed: true": "outbox : smtp %q n'est pas sur cette machine : donnez une adresse telle que 127.0.0.1:1025 ou, si des courriels du laboratoire doivent en sortir, exposed: true",
	"%s is not on this machine: mails of the lab stay here unless outbox: exposed says otherwise":                                            "%s n'est pas sur cette machine : les courriels du laboratoire y restent, à moins que outbox: exposed n'en dise autrement",
	"%d mails wait for the SMTP server already":                                                                                              "%d courriels attendent déjà le serveur SMTP",
	"%q is not a kind of message: choose mail or sms":                                                                                        "%q n'est pas une sorte de message : choisissez mail ou sms",
	"a text message has no subject and no HTML: send a mail":                                                                                 "un SMS n'a ni objet ni HTML : envoyez un courriel",
	"the %s of a message has %d characters, and at most %d are kept":                                                                         "la partie %s d'un message a %d caractères, et %d au plus sont gardés",
	"the %s %q of a message holds what a header cannot: a control character, or more than %d characters":                                     "la partie %s %q d'un message contient ce qu'un en-tête ne peut contenir : un caractère de contrôle, ou plus de %d caractères",
	"%q is not a mail address such as camille@example.fr":                                                                                    "%q n'est pas une adresse électronique telle que camille@example.fr",
	"%q is not a phone number such as 06 39 98 00 12":                                                                                        "%q n'est pas un numéro de téléphone tel que 06 39 98 00 12",
	"no message %q: igc outbox list shows those that are there":                                                                              "pas de message %q : igc outbox list montre ceux qui s'y trouvent",
	"the message %s cannot be read: %w":                                                                                                      "le message %s est illisible : %w",
	"the message has no HTML":                                                                                                                "le message n'a pas de HTML",
	"there is no page at this address":                                                                                                       "il n'y a pas de page à cette adresse",
	"limit %q is not a positive number":                                                                                                      "limit %q n'est pas un nombre positif",

	// PKCS#12 and trust stores
	"PKCS#12: %w": "PKCS#12 : %w",
	"a PKCS#12 wants a password: the given one is empty":                      "un PKCS#12 veut un mot de passe : celui donné est vide",
	"PKCS#12 form %q: choose among %s, %s, %s":                                "forme de PKCS#12 %q : choisissez parmi %s, %s, %s",
	"keytool reports no error, and the root is not there":                     "keytool ne signale pas d'erreur, et la racine n'y est pas",
	"it is still there as %q":                                                 "elle y est encore sous %q",
	"keytool -list: %w: %s":                                                   "keytool -list : %w : %s",
	"keytool %s: %w: %s":                                                      "keytool %s : %w : %s",
	"%s reports no error, and the root is not in %s":                          "%s ne signale pas d'erreur, et la racine n'est pas dans %s",
	"%s holds other certificates too: take the root out of it with an editor": "%s contient aussi d'autres certificats : retirez-en la racine avec un éditeur",
	"%s still has it":                                                         "%s l'a encore",
	"the system still trusts the root":                                        "le système se fie encore à la racine",
	"%s does not trust %s although certutil reports no error":                 "%s ne se fie pas à %s bien que certutil ne signale pas d'erreur",
	"%s still holds it as %q":                                                 "%s l'a encore sous %q",
	"certutil %s on %s: %w: %s":                                               "certutil %s sur %s : %w : %s",

	"the password of a PKCS#12 is not UTF-8":                                  "le mot de passe d'un PKCS#12 n'est pas de l'UTF-8",
	"the password of a PKCS#12 holds a NUL, where programs end it":            "le mot de passe d'un PKCS#12 contient un octet nul, où les logiciels l'arrêtent",
	"the password is empty: programs differ on what that means for a PKCS#12": "le mot de passe est vide : les logiciels ne s'accordent pas sur ce que cela veut dire pour un PKCS#12",
	"the password is not valid UTF-8":                                         "le mot de passe n'est pas de l'UTF-8",
	"the password holds a NUL, where C programs end it":                       "le mot de passe contient un octet nul, où les logiciels en C l'arrêtent",
	// keys that holders made
	"request for %s: %w": "demande pour %s : %w",
	"%s has %d certificates, each with a key of its own: a request for %s is missing":                        "%s a %d certificats, chacun sa clé : il manque une demande pour %s",
	"the requests for %s and %s have the same key: make a key for each":                                      "les demandes pour %s et %s ont la même clé : faites une clé pour chacune",
	"%s has no certificate %q: remove its request":                                                           "%s n'a pas de certificat %q : ôtez sa demande",
	"this key is that of %s (certificate %s): the lab certifies a key for one holder only; make another key": "cette clé est celle de %s (certificat %s) : le laboratoire ne certifie une clé que pour un porteur ; faites-en une autre",
	"the keys are the holder's own: there is none to write in clear":                                         "les clés sont celles du porteur : il n'y en a pas à écrire en clair",
}

// system are messages of the operating system and of the standard library.
var system = map[string]string{
	"no such file or directory":       "fichier ou dossier introuvable",
	"permission denied":               "accès refusé",
	"file exists":                     "le fichier existe déjà",
	"is a directory":                  "c'est un dossier",
	"not a directory":                 "ce n'est pas un dossier",
	"no space left on device":         "plus de place sur le disque",
	"read-only file system":           "système de fichiers en lecture seule",
	"address already in use":          "adresse déjà utilisée",
	"cannot assign requested address": "adresse indisponible sur cette machine",
	"connection refused":              "connexion refusée",
	"connection reset by peer":        "connexion coupée par l'autre bout",
	"broken pipe":                     "connexion coupée",
	"network is unreachable":          "réseau injoignable",
	"no route to host":                "hôte injoignable",
	"operation not permitted":         "opération refusée",
	"input/output error":              "erreur d'entrée-sortie",
	"too many open files":             "trop de fichiers ouverts",
	"file name too long":              "nom de fichier trop long",
	"disk quota exceeded":             "quota de disque dépassé",
	"directory not empty":             "dossier non vide",
	"invalid argument":                "argument invalide",
	"unexpected EOF":                  "fin inattendue",
	"EOF":                             "fin du fichier",
	"i/o timeout":                     "délai dépassé",
	"context deadline exceeded":       "délai dépassé",
	"context canceled":                "interrompu",
}
