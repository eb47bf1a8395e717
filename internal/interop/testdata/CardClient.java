import java.io.*;
import java.net.URI;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.*;
import java.util.*;
import javax.net.ssl.*;

/**
 * A card in Java: java -Djava.security.properties=FILE CardClient.java ROOT PIN URL... logs in, signs with both keys, and asks each
 * URL for the card's report by mutual TLS.
 */
public class CardClient {
    public static void main(String[] args) throws Exception {
        char[] pin = args[1].toCharArray();
        KeyStore card = KeyStore.getInstance("PKCS11");
        card.load(null, pin);
        String alias = "Certificat d'Authentification CPS";
        PrivateKey key = (PrivateKey) card.getKey(alias, pin);
        if (key.getEncoded() != null) throw new Exception("the key leaves the card");
        byte[] data = "à signer".getBytes("UTF-8");
        boolean ec = key.getAlgorithm().equals("EC");
        // where the card makes PSS it is a CPS4, whose authentication key takes no buffer that is longer than the signature: Java's are
        boolean pss = !ec && card.getProvider().getService("Signature", "RSASSA-PSS") != null;
        String algorithm = ec ? "SHA256withECDSA" : pss ? "RSASSA-PSS" : "SHA256withRSA";
        PSSParameterSpec parameters = new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1);
        Signature signer = Signature.getInstance(algorithm, card.getProvider());
        if (pss) signer.setParameter(parameters);
        signer.initSign(key);
        signer.update(data);
        byte[] signature = signer.sign();
        Signature verifier = Signature.getInstance(algorithm, ec ? "SunEC" : "SunRsaSign");
        if (pss) verifier.setParameter(parameters);
        verifier.initVerify(card.getCertificate(alias));
        verifier.update(data);
        if (!verifier.verify(signature)) throw new Exception("the signature is wrong");
        System.out.println("signed");

        KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
        roots.load(null, null);
        try (InputStream in = Files.newInputStream(Path.of(args[0]))) {
            roots.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(roots);
        // the one that looks at the certificate's usage: the other would take the signature certificate
        KeyManagerFactory keys = KeyManagerFactory.getInstance("NewSunX509");
        keys.init(card, pin);
        for (int i = 2; i < args.length; i++) {
            SSLContext tls = SSLContext.getInstance("TLS");
            tls.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
            HttpsURLConnection c = (HttpsURLConnection) URI.create(args[i]).toURL().openConnection();
            c.setSSLSocketFactory(tls.getSocketFactory());
            System.out.println(new String(c.getInputStream().readAllBytes(), "UTF-8"));
        }
    }
}
