# the issuing authority and its root, in a trust store
for f in {{.ACR}} {{.ACI}}; do
  curl -s "{{.Publication}}/AC%20TEST/$f.cer" -o $f.cer
  keytool -importcert -noprompt -alias $f -file $f.cer -keystore igc.p12 -storetype PKCS12 -storepass changeit
done
# as a server that asks for the card (SSLServerSocket.setNeedClientAuth), with revocation by OCSP, else CRL
java -Djavax.net.ssl.trustStore=igc.p12 -Djavax.net.ssl.trustStorePassword=changeit \
     -Dcom.sun.net.ssl.checkRevocation=true -Dcom.sun.security.enableCRLDP=true -Djava.security.properties=<(echo ocsp.enable=true) \
     -Djdk.tls.server.protocols=TLSv1.2 -jar server.jar
# as a client that presents it
java -Djavax.net.ssl.keyStore=authentication.p12 -Djavax.net.ssl.keyStoreType=PKCS12 -Djavax.net.ssl.keyStorePassword=1234 -jar client.jar
