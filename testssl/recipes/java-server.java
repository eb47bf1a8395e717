import com.sun.net.httpserver.*;
import java.io.FileInputStream;
import java.net.InetSocketAddress;
import java.security.KeyStore;
import java.util.concurrent.Executors;
import javax.net.ssl.*;

public class Server {
  public static void main(String[] args) throws Exception {
    var own = KeyStore.getInstance("PKCS12");
    own.load(new FileInputStream("server.p12"), "changeit".toCharArray());
    var keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(own, "changeit".toCharArray());
    var context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null); // null: the trust store of the command line, with revocation
    var server = HttpsServer.create(new InetSocketAddress(8443), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(context) {
      @Override public void configure(HttpsParameters p) {
        var ssl = context.getDefaultSSLParameters();
        ssl.setNeedClientAuth(true);
        ssl.setProtocols(new String[] {"TLSv1.2"}); // a CPS3 cannot do TLS 1.3
        p.setSSLParameters(ssl);
      }
    });
    server.createContext("/", exchange -> {
      var card = ((HttpsExchange) exchange).getSSLSession().getPeerPrincipal().getName() + "\n";
      exchange.sendResponseHeaders(200, card.getBytes().length);
      exchange.getResponseBody().write(card.getBytes());
      exchange.close();
    });
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
  }
}
