import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.cert.Certificate;
import java.util.*;
import javax.net.ssl.*;

/**
 * What a TLS server in Java holds of certificates: java Verifier.java ROOTS CRLS, then a line "PURPOSE CERTIFICATE CHAIN" for
 * each on stdin (files, PEM), answered by "accept" or "reject: why" on stdout.
 */
public class Verifier {
    static final CertificateFactory X509;
    static {
        try {
            X509 = CertificateFactory.getInstance("X.509");
        } catch (CertificateException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    static Collection<? extends Certificate> certificates(String file) throws Exception {
        try (InputStream in = Files.newInputStream(Path.of(file))) {
            return X509.generateCertificates(in);
        }
    }

    public static void main(String[] args) throws Exception {
        Set<TrustAnchor> anchors = new HashSet<>();
        for (Certificate c : certificates(args[0])) anchors.add(new TrustAnchor((X509Certificate) c, null));
        CertStore lists;
        try (InputStream in = Files.newInputStream(Path.of(args[1]))) {
            lists = CertStore.getInstance("Collection", new CollectionCertStoreParameters(X509.generateCRLs(in)));
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] word = line.split("\t");
            try {
                verify(anchors, lists, word[0], word[1], word[2]);
                System.out.println("accept");
            } catch (Throwable e) {
                StringBuilder why = new StringBuilder();
                for (; e != null; e = e.getCause()) why.append(e).append("; ");
                System.out.println("reject: " + why.toString().replaceAll("\\s", " "));
            }
        }
    }

    static void verify(Set<TrustAnchor> anchors, CertStore lists, String purpose, String file, String chain) throws Exception {
        List<X509Certificate> path = new ArrayList<>();
        for (String f : List.of(file, chain))
            for (Certificate c : certificates(f)) path.add((X509Certificate) c);
        if (purpose.equals("client")) {
            PKIXBuilderParameters params = new PKIXBuilderParameters(anchors, new X509CertSelector());
            params.addCertStore(lists);
            params.setRevocationEnabled(true);
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(new CertPathTrustManagerParameters(params));
            String kind = path.get(0).getPublicKey().getAlgorithm();
            ((X509TrustManager) factory.getTrustManagers()[0]).checkClientTrusted(path.toArray(new X509Certificate[0]), kind);
            return;
        }
        path.removeIf(c -> c.getSubjectX500Principal().equals(c.getIssuerX500Principal())); // the anchor is no part of a path
        PKIXParameters params = new PKIXParameters(anchors);
        params.addCertStore(lists);
        CertPathValidator.getInstance("PKIX").validate(X509.generateCertPath(path), params);
    }
}
