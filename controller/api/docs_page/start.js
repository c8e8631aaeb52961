"use strict";

// Nothing is kept by the browser: a token that is typed in here is gone with the page. Links in the description (our own)
// are not allowed to change what is loaded, and no certificate badge of another host is asked for.
window.addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({
    url: "/api/v1/openapi.json",
    dom_id: "#swagger-ui",
    layout: "BaseLayout",
    deepLinking: true,
    persistAuthorization: false,
    queryConfigEnabled: false,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
