import java.security.*;
import java.security.spec.*;

/**
 * What a card signs in Java: java -Djava.security.properties=FILE CardSigner.java PIN logs in once, signs with both keys and every
 * algorithm, verifies, and writes a line for each: the key, the algorithm, and "ok" or the card's refusal.
 */
public class CardSigner {
    public static void main(String[] args) throws Exception {
        char[] pin = args[0].toCharArray();
        KeyStore card = KeyStore.getInstance("PKCS11");
        card.load(null, pin);
        for (String key : new String[] {"CPS_PRIV_AUT", "CPS_PRIV_SIG"}) {
            String alias = key.endsWith("AUT") ? "Certificat d'Authentification CPS" : "Certificat de Signature CPS";
            for (String algorithm : new String[] {"SHA1withRSA", "SHA256withRSA", "SHA384withRSA", "RSASSA-PSS"}) {
                System.out.println(key + " " + algorithm + ": " + attempt(card, alias, pin, algorithm));
            }
        }
    }

    static String attempt(KeyStore card, String alias, char[] pin, String algorithm) throws Exception {
        byte[] data = "à signer".getBytes("UTF-8");
        try {
            Signature signer = Signature.getInstance(algorithm, card.getProvider());
            Signature verifier = Signature.getInstance(algorithm, "SunRsaSign");
            if (algorithm.equals("RSASSA-PSS")) {
                PSSParameterSpec pss = new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1);
                signer.setParameter(pss);
                verifier.setParameter(pss);
            }
            signer.initSign((PrivateKey) card.getKey(alias, pin));
            signer.update(data);
            byte[] signature = signer.sign();
            verifier.initVerify(card.getCertificate(alias).getPublicKey());
            verifier.update(data);
            return verifier.verify(signature) ? "ok" : "wrong";
        } catch (GeneralSecurityException | ProviderException e) {
            String said = e.getMessage();
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause.getMessage() != null && cause.getMessage().startsWith("CKR_")) said = cause.getMessage();
            }
            return e instanceof NoSuchAlgorithmException ? "none" : said;
        }
    }
}
