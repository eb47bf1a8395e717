curl -sSf "{{.Publication}}/AC%20TEST/{{.ServerRoot}}.cer" -o {{.ServerRoot}}.cer      # the root of the server's certificate
keytool -importcert -noprompt -alias {{.ServerRoot}} -file {{.ServerRoot}}.cer -keystore servers.p12 -storetype PKCS12 -storepass changeit
