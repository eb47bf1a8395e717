import java.io.ByteArrayInputStream;
import java.security.cert.*;
import java.util.*;
import javax.naming.*;
import javax.naming.directory.*;

/** What JNDI makes of the tree of holders: java HolderClient.java ldap://HOST:PORT, a line on stdout for each question. */
public class HolderClient {
    static final String BASE = "o=gip-cps,c=fr";

    public static void main(String[] args) throws Exception {
        Hashtable<String, String> env = new Hashtable<>();
        env.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.ldap.LdapCtxFactory");
        env.put(Context.PROVIDER_URL, args[0]);
        DirContext directory = new InitialDirContext(env);
        SearchControls all = new SearchControls();
        all.setSearchScope(SearchControls.SUBTREE_SCOPE);
        CertificateFactory factory = CertificateFactory.getInstance("X.509");

        SearchResult doctor = directory.search(BASE, "(uid={0})", new Object[] {"899700209812"}, all).next();
        Attribute values = doctor.getAttributes().get("userCertificate;binary");
        System.out.println("certificates of 899700209812: " + values.size() + ", of " + doctor.getAttributes().get("sn").get());

        // as programs of the former directory did
        SearchResult box = directory.search("ou=499700234190004,l=Paris (75)," + BASE, "(cn=dentiste@medecin.example.fr)", all).next();
        X509Certificate c = (X509Certificate) factory.generateCertificate(
            new ByteArrayInputStream((byte[]) box.getAttributes().get("userCertificate;binary").get()));
        System.out.println("mailbox: " + box.getName() + ", SHA-256 with ECDSA or RSA: " + c.getSigAlgName().startsWith("SHA256with"));

        try {
            int n = 0;
            for (NamingEnumeration<SearchResult> found = directory.search(BASE, "(objectClass=*)", all); found.hasMore(); found.next()) n++;
            System.out.println("all: " + n);
        } catch (NamingException e) {
            System.out.println("all: " + e.getClass().getSimpleName());
        }
        directory.close();
    }
}
