import java.io.*;
import java.nio.file.*;
import java.security.cert.*;
import java.security.cert.PKIXRevocationChecker.Option;
import java.util.*;

/**
 * What Java learns by itself of a certificate's revocation, from the addresses that the certificate names: java
 * RevocationVerifier.java ROOT ISSUING, then a line "METHOD CERTIFICATE" for each on stdin (METHOD is crl or ocsp; files are
 * PEM), answered by "accept" or "reject: why" on stdout.
 */
public class RevocationVerifier {
    public static void main(String[] args) throws Exception {
        System.setProperty("com.sun.security.enableCRLDP", "true");
        Set<TrustAnchor> anchors = Set.of(new TrustAnchor(read(args[0]), null));
        X509Certificate issuing = read(args[1]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] word = line.split("\t");
            try {
                CertPathValidator validator = CertPathValidator.getInstance("PKIX");
                PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
                checker.setOptions(word[0].equals("crl")
                    ? EnumSet.of(Option.PREFER_CRLS, Option.NO_FALLBACK)
                    : EnumSet.of(Option.ONLY_END_ENTITY, Option.NO_FALLBACK)); // issuing authorities name no responder
                PKIXParameters params = new PKIXParameters(anchors);
                params.addCertPathChecker(checker);
                CertPath path = CertificateFactory.getInstance("X.509").generateCertPath(List.of(read(word[1]), issuing));
                validator.validate(path, params);
                System.out.println("accept");
            } catch (Throwable e) {
                StringBuilder why = new StringBuilder();
                for (; e != null; e = e.getCause()) why.append(e).append("; ");
                System.out.println("reject: " + why.toString().replaceAll("\\s", " "));
            }
        }
    }

    static X509Certificate read(String file) throws Exception {
        try (InputStream in = Files.newInputStream(Path.of(file))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }
}
