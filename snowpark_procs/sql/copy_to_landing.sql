-- target, source: literals. PUT is not for external stages, COPY FILES is.
COPY FILES INTO &{target}
FROM &{source}
