-- One file a date that has been unloaded.
LIST @raw.landing/_buckets/
