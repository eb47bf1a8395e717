echo ocsp.enable=true > igc.security      # OCSP first, and the CRL when it does not answer
java -Djavax.net.ssl.trustStore=igc.p12 -Djavax.net.ssl.trustStorePassword=changeit \
     -Dcom.sun.net.ssl.checkRevocation=true -Dcom.sun.security.enableCRLDP=true -Djava.security.properties=igc.security Server.java
