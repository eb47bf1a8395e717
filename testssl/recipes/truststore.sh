for f in {{.ACR}} {{.ACI}}; do
  curl -sSf "{{.Publication}}/AC%20TEST/$f.cer" -o $f.cer
  keytool -importcert -noprompt -alias $f -file $f.cer -keystore igc.p12 -storetype PKCS12 -storepass changeit
done
