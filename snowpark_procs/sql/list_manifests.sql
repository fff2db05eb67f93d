LIST @raw.landing/_manifests/
