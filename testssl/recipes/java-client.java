import java.net.URI;
import java.net.http.*;

public class Client {
  public static void main(String[] args) throws Exception {
    var page = HttpRequest.newBuilder(URI.create("{{.TestSSL}}api/v1/card")).build();
    System.out.println(HttpClient.newHttpClient().send(page, HttpResponse.BodyHandlers.ofString()).body());
  }
}
