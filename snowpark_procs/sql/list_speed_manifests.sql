-- folder: empty for all dates, or '<date>/'. Names alone: they tell day, time and extraction.
LIST @raw.landing/_speed_manifests/&{folder}
