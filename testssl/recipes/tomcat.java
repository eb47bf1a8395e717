var card = ((java.security.cert.X509Certificate[]) request.getAttribute("jakarta.servlet.request.X509Certificate"))[0];
