import java.util.*;
import javax.naming.*;
import javax.naming.directory.*;
import javax.naming.ldap.*;

/** What JNDI makes of the directory: java DirectoryClient.java ldap://HOST:PORT, a line on stdout for each question. */
public class DirectoryClient {
    static final String ORGANISATION = "ou=IGC-SANTE TEST,ou=0002 187512751,o=ASIP-SANTE,c=FR";
    static final String ROOT = "cn=TEST AC RACINE IGC-SANTE FORT," + ORGANISATION;

    interface Question {
        Object ask() throws Exception;
    }

    static void ask(String name, Question question) {
        try {
            System.out.println(name + ": " + question.ask());
        } catch (Exception e) {
            System.out.println(name + ": " + e.getClass().getSimpleName());
        }
    }

    public static void main(String[] args) throws Exception {
        Hashtable<String, String> env = new Hashtable<>();
        env.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.ldap.LdapCtxFactory");
        env.put(Context.PROVIDER_URL, args[0]);
        env.put("java.naming.ldap.attributes.binary", "certificateRevocationList;binary cACertificate;binary");
        LdapContext directory = new InitialLdapContext(env, null);
        SearchControls compare = new SearchControls(); // with no attribute asked for, JNDI sends a Compare
        compare.setSearchScope(SearchControls.OBJECT_SCOPE);
        compare.setReturningAttributes(new String[0]);
        ask("compare, true", () -> directory.search(ROOT, "(cn=test ac racine igc-sante fort)", compare).hasMore());
        ask("compare, false", () -> directory.search(ROOT, "(cn=another)", compare).hasMore());
        ask("compare, no such entry", () -> directory.search("cn=nobody," + ORGANISATION, "(cn=nobody)", compare).hasMore());
        ask("StartTLS", () -> directory.extendedOperation(new StartTlsRequest()));
        SearchControls all = new SearchControls();
        all.setSearchScope(SearchControls.SUBTREE_SCOPE);
        ask("search, after that", () -> {
            int n = 0;
            for (NamingEnumeration<SearchResult> found = directory.search("c=FR", "(objectClass=pkiCA)", all); found.hasMore(); found.next()) n++;
            return n;
        });
        directory.close();
    }
}
