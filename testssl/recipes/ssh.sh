ssh-keygen -D /usr/local/lib/libigc-cps.so | grep Authentification > card.pub   # the line to add to ~/.ssh/authorized_keys on the server
