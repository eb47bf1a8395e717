for f in {{.ACI}} {{.ACR}}; do curl -sSf {{.CRLs}}$f.crl | openssl crl -inform DER -out $f.crl.pem; done
cat {{.ACI}}.crl.pem {{.ACR}}.crl.pem > igc-crls.pem
