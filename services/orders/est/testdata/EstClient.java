import java.io.ByteArrayInputStream;
import java.io.FileOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.*;
import java.security.cert.*;
import java.util.*;
import javax.net.ssl.*;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.est.*;
import org.bouncycastle.est.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.*;
import org.bouncycastle.pkcs.*;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/** Enrols by BouncyCastle's EST client with a token, and enrols again with the certificate that it got. */
public class EstClient {
    static X509Certificate java(X509CertificateHolder holder) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(holder.getEncoded()));
    }

    static PKCS10CertificationRequest request(X500Name subject, KeyPair pair, String host) throws Exception {
        PKCS10CertificationRequestBuilder builder = new JcaPKCS10CertificationRequestBuilder(subject, pair.getPublic());
        ExtensionsGenerator extensions = new ExtensionsGenerator();
        extensions.addExtension(Extension.subjectAlternativeName, false,
            new GeneralNames(new GeneralName(GeneralName.dNSName, host)));
        builder.addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate());
        ContentSigner signer = new JcaContentSignerBuilder("SHA256withECDSA").setProvider("BC").build(pair.getPrivate());
        return builder.build(signer);
    }

    static X509Certificate only(EnrollmentResponse response) throws Exception {
        Collection<X509CertificateHolder> all = response.getStore().getMatches(null);
        if (all.size() != 1) {
            throw new Exception(all.size() + " certificates");
        }
        return java(all.iterator().next());
    }

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        String server = args[0], token = args[2], host = args[3];
        X509Certificate trusted;
        try (var in = Files.newInputStream(Path.of(args[1]))) {
            trusted = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
        KeyStore trust = KeyStore.getInstance(KeyStore.getDefaultType());
        trust.load(null, null);
        trust.setCertificateEntry("server", trusted);
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(trust);
        X509TrustManager manager = (X509TrustManager) factory.getTrustManagers()[0];

        ESTService service = new JsseESTServiceBuilder(server, manager).withLabel("SSL_SERV").build();
        System.out.println("authorities: " + service.getCACerts().getCertificateStore().getMatches(null).size());
        CSRRequestResponse attributes = service.getCSRAttributes();
        System.out.println("attributes: " + attributes.getAttributesResponse().getRequirements());

        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
        generator.initialize(256);
        KeyPair pair = generator.generateKeyPair();
        ESTAuth auth = new HttpAuth("anybody", token.toCharArray(), new SecureRandom(),
            new JcaDigestCalculatorProviderBuilder().setProvider("BC").build());
        X509Certificate first =
            only(service.simpleEnroll(false, request(new X500Name("CN=" + host), pair, host), auth));
        System.out.println("enrolled: " + first.getSubjectX500Principal().getName(X500Principal.RFC2253));

        KeyStore identity = KeyStore.getInstance(KeyStore.getDefaultType());
        identity.load(null, null);
        identity.setKeyEntry("me", pair.getPrivate(), "x".toCharArray(), new java.security.cert.Certificate[] {first});
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(identity, "x".toCharArray());
        ESTService mutual = new JsseESTServiceBuilder(server, manager).withKeyManagers(keys.getKeyManagers())
            .withLabel("SSL_SERV").build();
        KeyPair next = generator.generateKeyPair();
        X500Name subject = X500Name.getInstance(first.getSubjectX500Principal().getEncoded());
        X509Certificate second = only(mutual.simpleEnroll(true, request(subject, next, host), null));
        System.out.println("again: " + second.getSubjectX500Principal().equals(first.getSubjectX500Principal())
            + ", another key: " + second.getPublicKey().equals(next.getPublic()));
        try {
            mutual.simpleEnroll(true, request(new X500Name("CN=else.test"), next, host), null);
            System.out.println("another name was taken");
        } catch (ESTException e) {
            System.out.println("another name: " + e.getStatusCode());
        }
        ESTAuth wrong = new HttpAuth("anybody", "wrong".toCharArray());
        try {
            service.simpleEnroll(false, request(new X500Name("CN=" + host), pair, host), wrong);
            System.out.println("a wrong token was taken");
        } catch (ESTException e) {
            System.out.println("a wrong token: " + e.getStatusCode());
        }
        try (var out = new FileOutputStream(args[4])) {
            out.write(first.getEncoded());
        }
    }
}
