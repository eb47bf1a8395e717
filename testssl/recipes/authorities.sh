for f in {{.ACI}} {{.ACR}}; do curl -sSf "{{.Publication}}/AC%20TEST/$f.cer" | openssl x509 -inform DER -out $f.pem; done
cat {{.ACI}}.pem {{.ACR}}.pem > igc-authorities.pem
