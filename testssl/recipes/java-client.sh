java -Djavax.net.ssl.trustStore=servers.p12 -Djavax.net.ssl.trustStorePassword=changeit \
     -Djavax.net.ssl.keyStore=authentication.p12 -Djavax.net.ssl.keyStoreType=PKCS12 -Djavax.net.ssl.keyStorePassword=1234 Client.java
